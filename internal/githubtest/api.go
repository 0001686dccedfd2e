package githubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// need is what a caller must be, or may do with the repository in the path.
type need int

const (
	anyone   need = iota
	someone       // any valid token
	theApp        // an App with its own key
	theInst       // an App's installation token
	reader        // read, or the repository is public
	speaker       // as reader, but an App must be installed; never anonymous
	writer        // write
	instHere      // the token of an App that is installed on the repository
)

type route struct {
	pattern string // as http.ServeMux wants it, without the prefix
	need    need
	serve   func(*call) (reply, error)
}

// call is one API request, with the state locked for its whole time.
type call struct {
	*Server
	req  *http.Request
	who  actor
	repo *repo // nil where the path names none
}

// reply is what an endpoint answers. A nil body sends none.
type reply struct {
	status int
	body   any
	header http.Header
}

func ok(body any) (reply, error)      { return reply{status: http.StatusOK, body: body}, nil }
func created(body any) (reply, error) { return reply{status: http.StatusCreated, body: body}, nil }

// problem is an error as GitHub words it.
type problem struct {
	status  int
	message string
	errors  []object
}

func (p problem) Error() string { return strconv.Itoa(p.status) + " " + p.message }

var (
	errNotFound  = problem{status: http.StatusNotFound, message: "Not Found"}
	errForbidden = problem{status: http.StatusForbidden, message: "Resource not accessible by integration"}
)

// invalid is GitHub's 422: the code is missing, invalid, already_exists or,
// with a message, custom.
func invalid(resource, field, code, message string) problem {
	detail := object{"resource": resource, "field": field, "code": code}
	if message != "" {
		detail["message"] = message
	}
	return problem{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []object{detail}}
}

func (s *Server) endpoint(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := &call{Server: s, req: r}
		out, err := c.run(rt)
		var moved movedError
		if errors.As(err, &moved) {
			w.Header().Set("Location", moved.to)
			writeJSON(w, http.StatusMovedPermanently, object{"message": "Moved Permanently", "url": moved.to, "documentation_url": "https://docs.github.com/rest"})
			return
		}
		if err != nil {
			s.countAgainstLimit(w.Header(), c.who, 1)
			writeProblem(w, err)
			return
		}
		text, err := json.Marshal(out.body)
		if err != nil {
			writeProblem(w, err)
			return
		}
		for key, values := range out.header {
			w.Header()[key] = values
		}
		if r.Method == http.MethodGet {
			sum := sha256.Sum256(text)
			tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				s.countAgainstLimit(w.Header(), c.who, 0)
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		s.countAgainstLimit(w.Header(), c.who, 1)
		if out.body == nil {
			w.WriteHeader(out.status)
			return
		}
		sendJSON(w, out.status, text)
	})
}

// run checks who calls and what the call needs, then serves it.
func (c *call) run(rt route) (reply, error) {
	var err error
	if c.who, err = c.authenticate(c.req); err != nil {
		return reply{}, err
	}
	if rt.pattern != "GET /rate_limit" && !c.withinLimit(c.who) {
		return reply{}, problem{status: http.StatusForbidden, message: "API rate limit exceeded for " + or(c.who.key(), "an anonymous caller") + "."}
	}
	if rt.need != anyone && rt.need != reader && c.who.user == nil && c.who.app == nil {
		return reply{}, problem{status: http.StatusUnauthorized, message: "Requires authentication"}
	}
	switch rt.need {
	case theApp:
		if c.who.app == nil {
			return reply{}, problem{status: http.StatusUnauthorized, message: "A JSON web token could not be decoded"}
		}
	case theInst:
		if c.who.installation() == nil {
			return reply{}, problem{status: http.StatusForbidden, message: "You must authenticate with an installation access token in order to list repositories for an installation."}
		}
	case someone:
		if c.who.user == nil {
			return reply{}, errForbidden
		}
	}
	if owner := c.req.PathValue("owner"); owner != "" {
		if err := c.findRepo(owner+"/"+c.req.PathValue("repo"), rt.need); err != nil {
			return reply{}, err
		}
	}
	return rt.serve(c)
}

func (c *call) findRepo(name string, need need) error {
	c.repo = c.repos[fold(name)]
	switch to := c.movedTo(name); {
	case c.repo == nil && to != "":
		return movedError{to}
	case c.repo == nil:
		return errNotFound
	}
	if need == theApp {
		return nil
	}
	level := c.level(c.repo, c.who)
	inst := c.who.installation()
	switch {
	case level < read:
		return errNotFound
	case need == writer && level < write:
		if inst != nil {
			return errForbidden
		}
		return problem{status: http.StatusForbidden, message: "Must have push access to repository"}
	case need == speaker && inst != nil && level < write:
		return errForbidden
	case need == instHere && (inst == nil || level < write):
		if inst == nil {
			return problem{status: http.StatusForbidden, message: "You must authenticate via a GitHub App."}
		}
		return errForbidden
	}
	return nil
}

// decode reads the JSON body of a request. An empty one is fine, as on GitHub.
func (c *call) decode(into any) error {
	err := json.NewDecoder(http.MaxBytesReader(nil, c.req.Body, 1<<20)).Decode(into)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return problem{status: http.StatusUnprocessableEntity, message: "Invalid request.\n\nFor '" + wrongType.Field + "', wrong type."}
	case err != nil && err.Error() != "EOF":
		return problem{status: http.StatusBadRequest, message: "Problems parsing JSON"}
	}
	return nil
}

// number reads a numeric wildcard of the path; anything else is not found.
func (c *call) number(name string) (int64, error) {
	n, err := strconv.ParseInt(c.req.PathValue(name), 10, 64)
	if err != nil {
		return 0, errNotFound
	}
	return n, nil
}

func (c *call) query(name string) string { return c.req.URL.Query().Get(name) }

// list answers one page of all, with the Link header of the others. With a key
// the page is wrapped as {"total_count": n, key: […]}.
func list[T any](c *call, key string, all []T, render func(T) object) (reply, error) {
	size, page := 30, 1
	if n, err := strconv.Atoi(c.query("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(c.query("page")); err == nil && n > 0 {
		page = n
	}
	last := max(1, (len(all)+size-1)/size)
	from := min((page-1)*size, len(all))
	items := []object{}
	for _, item := range all[from:min(from+size, len(all))] {
		items = append(items, render(item))
	}
	out := reply{status: http.StatusOK, body: items, header: http.Header{}}
	if key != "" {
		out.body = object{"total_count": len(all), key: items}
	}
	var links []string
	link := func(rel string, to int) {
		query := c.req.URL.Query()
		query.Set("page", strconv.Itoa(to))
		links = append(links, c.linkTo(query, rel))
	}
	if page > 1 {
		link("prev", min(page-1, last))
	}
	if page < last {
		link("next", page+1)
		link("last", last)
	}
	if page > 1 {
		link("first", 1)
	}
	if len(links) > 0 {
		out.header.Set("Link", strings.Join(links, ", "))
	}
	return out, nil
}

func (c *call) linkTo(query url.Values, rel string) string {
	return fmt.Sprintf(`<%s%s?%s>; rel="%s"`, c.base, c.req.URL.EscapedPath(), query.Encode(), rel)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sendJSON(w, status, text)
}

func sendJSON(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a caller that is gone can not be told
}

func writeProblem(w http.ResponseWriter, err error) {
	var p problem
	if !errors.As(err, &p) {
		p = problem{status: http.StatusInternalServerError, message: err.Error()}
	}
	body := object{
		"message": p.message, "documentation_url": "https://docs.github.com/rest",
		"status": strconv.Itoa(p.status),
	}
	if p.errors != nil {
		body["errors"] = p.errors
	}
	writeJSON(w, p.status, body)
}
