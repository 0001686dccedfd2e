package githubtest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// act makes a handler of a function from a JSON body to an answer.
func act[T any](do func(T) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page that a browser shows from elsewhere must not act here.
		if origin := r.Header.Get("Origin"); origin != "" {
			if from, err := url.Parse(origin); err != nil || from.Host != r.Host {
				writeProblem(w, problem{status: http.StatusForbidden, message: "another origin"})
				return
			}
		}
		var in T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<20))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			writeProblem(w, problem{status: http.StatusBadRequest, message: err.Error()})
			return
		}
		out, err := do(in)
		var known problem
		if err != nil && !errors.As(err, &known) {
			err = problem{status: http.StatusUnprocessableEntity, message: err.Error()}
		}
		if err != nil {
			writeProblem(w, err)
			return
		}
		writeJSON(w, http.StatusOK, object{"ok": true, "result": out})
	})
}

// aThread names an issue or a pull request, and who acts.
type aThread struct {
	Repo   string
	Number int
	By     string
}

// playground lists the acts that are open over HTTP; the package comment
// documents them.
func (s *Server) playground() map[string]http.Handler {
	acts := map[string]http.Handler{
		"push": act(func(in struct {
			Repo, Branch, Message, By string
			Files                     map[string]*string
		}) (any, error) {
			return s.Push(in.Repo, in.Branch, in.Message, in.By, in.Files)
		}),
		"branch": act(func(in struct{ Repo, Branch, Commit, By string }) (any, error) {
			return nil, s.SetBranch(in.Repo, in.Branch, in.Commit, in.By)
		}),
		"pull": act(func(in struct{ Repo, Head, Base, Title, Body, By string }) (any, error) {
			return s.OpenPull(in.Repo, in.Head, in.Base, in.Title, in.Body, in.By)
		}),
		"issue": act(func(in struct{ Repo, Title, Body, By string }) (any, error) {
			return s.OpenIssue(in.Repo, in.Title, in.Body, in.By)
		}),
		"merge": act(func(in struct {
			aThread
			Method string
		}) (any, error) {
			return s.Merge(in.Repo, in.Number, in.Method, in.By)
		}),
		"close":  act(func(in aThread) (any, error) { return nil, s.Close(in.Repo, in.Number, in.By) }),
		"reopen": act(func(in aThread) (any, error) { return nil, s.Reopen(in.Repo, in.Number, in.By) }),
		"comment": act(func(in struct {
			aThread
			Body string
		}) (any, error) {
			return s.Comment(in.Repo, in.Number, in.By, in.Body)
		}),
		"review": act(func(in struct {
			aThread
			State string
		}) (any, error) {
			return nil, s.Review(in.Repo, in.Number, in.By, in.State)
		}),
		"package": act(func(in Package) (any, error) { return nil, s.PublishPackage(in) }),
		"permission": act(func(in struct{ Repo, Login, Role string }) (any, error) {
			return nil, s.SetPermission(in.Repo, in.Login, in.Role)
		}),
		"team": act(func(in struct{ Org, Team, Login string }) (any, error) {
			s.AddTeamMember(in.Org, in.Team, in.Login)
			return nil, nil
		}),
		"protect": act(func(in struct {
			Repo, Branch string
			Protection
		}) (any, error) {
			return nil, s.SetProtection(in.Repo, in.Branch, in.Protection)
		}),
	}
	for name, handler := range s.resultActs() {
		acts[name] = handler
	}
	return acts
}

// resultActs are the acts of CI systems.
func (s *Server) resultActs() map[string]http.Handler {
	return map[string]http.Handler{
		"status": act(func(in struct{ Repo, SHA, Context, State, By string }) (any, error) {
			return nil, s.SetStatus(in.Repo, s.commitAt(in.Repo, in.SHA), in.Context, in.State, in.By)
		}),
		"check": act(func(in struct{ Repo, SHA, Name, Conclusion, App string }) (any, error) {
			return s.CheckRun(in.Repo, s.commitAt(in.Repo, in.SHA), in.Name, in.Conclusion, or(in.App, "github-actions"))
		}),
		"deployment": act(func(in struct{ Repo, SHA, Environment, State, By string }) (any, error) {
			return nil, s.Deployment(in.Repo, s.commitAt(in.Repo, in.SHA), in.Environment, in.State, in.By)
		}),
		"run": act(func(in struct{ Repo, Workflow, SHA, Conclusion, By string }) (any, error) {
			return s.WorkflowRun(in.Repo, WorkflowRun{Workflow: in.Workflow, SHA: s.commitAt(in.Repo, in.SHA), Conclusion: in.Conclusion, Actor: in.By})
		}),
		"finish": act(func(in struct {
			Repo       string
			Run        int64
			Conclusion string
			Jobs       map[string]string
		}) (any, error) {
			return nil, s.FinishRun(in.Repo, in.Run, in.Conclusion, in.Jobs)
		}),
	}
}

// commitAt turns a branch's name into its commit and leaves all else as it is.
func (s *Server) commitAt(repo, rev string) string {
	if id, found := s.Refs(repo)["refs/heads/"+rev]; found {
		return id
	}
	return rev
}
