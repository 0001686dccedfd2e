// Package openapi is a judge for tests: it compares every exchange over the
// REST API with GitHub's published OpenAPI description, and every webhook body
// with the published schemas. It knows the descriptions (cut down to what is
// used, by ../cut-openapi.mjs) and nothing of the server that it judges.
//
// It brings heavy dependencies, so it is imported from tests only.
package openapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

const prefix = "/api/v3"

// Judge fails its test on each exchange that GitHub would not have.
type Judge struct {
	t     testing.TB
	rest  description
	hooks *hookSchemas

	mu   sync.Mutex
	seen map[string]bool // "GET /app": answered well at least once
}

// New loads the descriptions.
func New(t testing.TB) *Judge {
	t.Helper()
	rest, err := load()
	if err != nil {
		t.Fatalf("GitHub's OpenAPI description: %v", err)
	}
	hooks, err := loadHooks()
	if err != nil {
		t.Fatalf("GitHub's webhook schemas: %v", err)
	}
	return &Judge{t: t, rest: rest, hooks: hooks, seen: map[string]bool{}}
}

// description is what exchanges are compared with.
type description struct {
	doc    *openapi3.T
	router routers.Router
}

// load reads the description once for all tests of a process.
var load = sync.OnceValues(loadDescription)

func loadDescription() (description, error) {
	text, err := readCut("api.github.com.cut.json.gz")
	if err != nil {
		return description{}, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return description{}, err
	}
	doc.Servers = openapi3.Servers{{URL: "/"}}
	repair(doc)
	router, err := gorillamux.NewRouter(doc)
	return description{doc, router}, err
}

// repair changes the description where the real API is wider than it says.
func repair(doc *openapi3.T) {
	// Paths and refs may hold slashes. The router tries names from z to a, so
	// that of the pull requests must come before "ref".
	doc.Components.Parameters["commit-sha"].Value.Name = "sha"
	wide := strings.NewReplacer(
		"/contents/{path}", "/contents/{path:.+}", "/ref/{ref}", "/ref/{ref:.+}", "/matching-refs/{ref}", "/matching-refs/{ref:.+}",
		"/commits/{ref}", "/commits/{ref:.+}", "/commits/{commit_sha}/pulls", "/commits/{sha:.+}/pulls", "/compare/{basehead}", "/compare/{basehead:.+}", "/branches/{branch}", "/branches/{branch:.+}")
	for path, item := range doc.Paths.Map() {
		if to := wide.Replace(path); to != path {
			doc.Paths.Delete(path)
			doc.Paths.Set(to, item)
		}
	}
	// ghinstallation asks for tokens with "null", which GitHub takes as nothing.
	tokens := doc.Paths.Value("/app/installations/{installation_id}/access_tokens").Post.RequestBody.Value.Content["application/json"]
	tokens.Schema.Value.Nullable = true
	// An account is a user or an enterprise, and not both at once.
	list := doc.Paths.Value("/app/installations").Get.Responses.Status(200).Value.Content["application/json"]
	account := list.Schema.Value.Items.Value.Properties["account"].Value
	account.AnyOf, account.AllOf = account.AllOf, nil
	// Labels are added by a bare list, too, says the documentation.
	labels := doc.Paths.Value("/repos/{owner}/{repo}/issues/{issue_number}/labels").Post.RequestBody.Value.Content["application/json"]
	names := openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema())
	labels.Schema.Value.OneOf = append(labels.Schema.Value.OneOf, openapi3.NewSchemaRef("", names))
}

func readCut(name string) ([]byte, error) {
	_, here, _, _ := runtime.Caller(0)
	file, err := os.Open(filepath.Join(filepath.Dir(here), "../../../testdata/github", name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return io.ReadAll(packed)
}

var options = func() *openapi3filter.Options {
	o := &openapi3filter.Options{
		IncludeResponseStatus: true,
		SkipSettingDefaults:   true,
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	}
	o.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string {
		return "at /" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
	})
	return o
}()

// API puts the judge around a handler of the REST API under /api/v3.
func (j *Judge) API(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		answer := &recorder{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		j.exchange(r, sent, answer)
		for key, values := range answer.header {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes()) // a caller that is gone can not be told
	})
}

// undescribed are served by GitHub though the description leaves them out.
func undescribed(path string) bool { return strings.HasPrefix(path, "/repositories/") }

func (j *Judge) exchange(r *http.Request, sent []byte, answer *recorder) {
	asked := r.Clone(r.Context())
	asked.URL.Path = strings.TrimPrefix(r.URL.Path, prefix)
	asked.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, prefix)
	asked.Body = io.NopCloser(bytes.NewReader(sent))
	where := fmt.Sprintf("%s %s → %d", r.Method, r.URL.RequestURI(), answer.status)
	if undescribed(asked.URL.Path) {
		return
	}
	found, params, err := j.rest.router.FindRoute(asked)
	if err != nil {
		j.t.Errorf("%s: not an operation of GitHub's description (cut): %v", where, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: found, Options: options}
	if answer.status < 400 {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			j.t.Errorf("%s: request: %v", where, err)
		}
		j.mu.Lock()
		j.seen[r.Method+" "+found.Path] = true
		j.mu.Unlock()
	}
	if found.Operation.Responses.Status(answer.status) == nil && answer.status >= 400 {
		j.plainError(where, answer)
		return
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: answer.status, Header: answer.header,
		Body: io.NopCloser(bytes.NewReader(answer.body.Bytes())), Options: options,
	})
	if err != nil {
		j.t.Errorf("%s: response: %v\n%s", where, err, answer.body.Bytes()[:min(answer.body.Len(), 2000)])
	}
}

// plainError judges an error that the operation does not list: all have the
// same form.
func (j *Judge) plainError(where string, answer *recorder) {
	var body struct {
		Message string `json:"message"`
		More    string `json:"documentation_url"`
	}
	if err := json.Unmarshal(answer.body.Bytes(), &body); err != nil || body.Message == "" || body.More == "" {
		j.t.Errorf("%s: not an error as GitHub writes them: %s", where, answer.body.Bytes())
	}
}

// Unseen lists the described operations that were never answered with success.
func (j *Judge) Unseen() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []string
	for path, item := range j.rest.doc.Paths.Map() {
		for method := range item.Operations() {
			if !j.seen[method+" "+path] {
				list = append(list, method+" "+path)
			}
		}
	}
	slices.Sort(list)
	return list
}

// recorder keeps an answer until it is judged.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }
