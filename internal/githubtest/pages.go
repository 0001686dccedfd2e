package githubtest

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
)

// pages are plain on purpose. All text from repositories and people is escaped
// by html/template; Markdown is shown as it is written.
var pages = template.Must(template.New("page").Parse(`{{define "top"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
pre{background:#f4f4f4;padding:.7rem;overflow:auto;white-space:pre-wrap}code{font-size:.9em}
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}</style></head><body>{{end}}
{{define "home"}}{{template "top" .}}<h1>{{.Title}}</h1><ul>{{range .Repos}}<li><a href="/{{.}}">{{.}}</a></li>{{end}}</ul></body></html>{{end}}
{{define "repo"}}{{template "top" .}}<h1>{{.Title}}</h1>
<h2>Pull requests and issues</h2><table>{{range .Threads}}<tr><td><a href="/{{$.Title}}/{{.Kind}}/{{.Number}}">#{{.Number}}</a></td><td>{{.State}}</td><td>{{.Title}}</td></tr>{{else}}<tr><td>none</td></tr>{{end}}</table>
<h2>Branches and tags</h2><table>{{range .Refs}}<tr><td><code>{{.Name}}</code></td><td><a href="/{{$.Title}}/commit/{{.ID}}"><code>{{.ID}}</code></a></td></tr>{{end}}</table></body></html>{{end}}
{{define "thread"}}{{template "top" .}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Title}}</h1>
<p>{{.State}}, by {{.Author}}{{if .Head}}, <code>{{.Head}}</code> into <code>{{.Base}}</code>, head <a href="/{{.Repo}}/commit/{{.SHA}}"><code>{{.SHA}}</code></a>{{end}}{{range .Labels}} [{{.}}]{{end}}</p>
<pre>{{.Body}}</pre>
{{if .Results}}<h2>Checks</h2><table>{{range .Results}}<tr><td>{{.Name}}</td><td>{{.State}}</td><td>{{.Title}}</td></tr>{{end}}</table>{{end}}
{{range .Comments}}<h3>{{.Author}}</h3><pre>{{.Body}}</pre>{{end}}
{{if .Diff}}<h2>Changes</h2><pre>{{.Diff}}</pre>{{end}}</body></html>{{end}}
{{define "commit"}}{{template "top" .}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1><code>{{.Title}}</code></h1><pre>{{.Text}}</pre>
{{range .Results}}<h3>{{.Name}}: {{.State}}</h3>{{if .Title}}<p>{{.Title}}</p>{{end}}{{if .Summary}}<pre>{{.Summary}}</pre>{{end}}{{end}}</body></html>{{end}}`))

// maxPageText bounds a diff on a page.
const maxPageText = 200_000

func showPage(w http.ResponseWriter, name string, data map[string]any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = pages.ExecuteTemplate(w, name, data) // the templates are fixed; only the reader can be gone
}

func (s *Server) homePage(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, r := range s.sortedRepos() {
		if !r.private {
			names = append(names, r.fullName())
		}
	}
	showPage(w, "home", map[string]any{"Title": "Repositories", "Repos": names})
}

// pageRepo finds the public repository of a page, and locks. Pages have no
// login, so private ones are not found.
func (s *Server) pageRepo(w http.ResponseWriter, req *http.Request) (*repo, bool) {
	s.mu.Lock()
	r := s.repos[fold(req.PathValue("owner")+"/"+req.PathValue("repo"))]
	if r == nil || r.private {
		s.mu.Unlock()
		http.NotFound(w, req)
		return nil, false
	}
	return r, true
}

func (s *Server) repoPage(w http.ResponseWriter, req *http.Request) {
	r, found := s.pageRepo(w, req)
	if !found {
		return
	}
	defer s.mu.Unlock()
	type line struct {
		Issue
		Kind string
	}
	var threads []line
	for _, t := range slices.Backward(r.threads) {
		kind := "issues"
		if t.pull != nil {
			kind = "pull"
		}
		threads = append(threads, line{t.Issue, kind})
	}
	type ref struct{ Name, ID string }
	var refs []ref
	for _, name := range sortedKeys(r.refs) {
		refs = append(refs, ref{name, r.refs[name]})
	}
	showPage(w, "repo", map[string]any{"Title": r.fullName(), "Threads": threads, "Refs": refs})
}

func (s *Server) threadPage(w http.ResponseWriter, req *http.Request) {
	r, found := s.pageRepo(w, req)
	if !found {
		return
	}
	defer s.mu.Unlock()
	number, _ := strconv.Atoi(req.PathValue("number")) // no number is not found either
	t := r.thread(number)
	if t == nil {
		http.NotFound(w, req)
		return
	}
	data := map[string]any{"Title": "#" + strconv.Itoa(t.Number) + " " + t.Title, "Repo": r.fullName(), "State": t.State,
		"Author": t.Author, "Labels": t.Labels, "Body": t.Body, "Comments": t.comments}
	if p := t.pull; p != nil {
		if p.merged {
			data["State"] = "merged"
		}
		data["Head"], data["Base"], data["SHA"] = p.Head, p.Base, p.HeadSHA
		data["Results"] = pageResults(r, p.HeadSHA)
		if diff, err := r.git.run("diff", "--no-color", "--no-ext-diff", p.BaseSHA+"..."+p.HeadSHA); err == nil {
			data["Diff"] = diff[:min(len(diff), maxPageText)]
		}
	}
	showPage(w, "thread", data)
}

func (s *Server) commitPage(w http.ResponseWriter, req *http.Request) {
	r, found := s.pageRepo(w, req)
	if !found {
		return
	}
	defer s.mu.Unlock()
	id, err := r.git.resolve(req.PathValue("sha"))
	if err != nil || id == "" {
		http.NotFound(w, req)
		return
	}
	text, err := r.git.run("show", "--no-color", "--no-ext-diff", "--format=fuller", id)
	if err != nil {
		http.Error(w, "commit could not be read", http.StatusInternalServerError)
		return
	}
	showPage(w, "commit", map[string]any{"Title": id, "Repo": r.fullName(), "Text": text[:min(len(text), maxPageText)], "Results": pageResults(r, id)})
}

// pageResult is one line about a commit.
type pageResult struct{ Name, State, Title, Summary string }

func pageResults(r *repo, sha string) []pageResult {
	var list []pageResult
	for _, run := range r.checks {
		if run.HeadSHA == sha {
			list = append(list, pageResult{run.Name, or(run.Conclusion, run.Status), run.Title, run.Summary})
		}
	}
	for _, st := range slices.Backward(r.statusesOf(sha)) {
		list = append(list, pageResult{st.Context, st.State, st.Description, ""})
	}
	return list
}
