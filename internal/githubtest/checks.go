package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// checkWish is what the creator of a check run sends. Nil leaves as it was.
type checkWish struct {
	Name       *string    `json:"name"`
	HeadSHA    string     `json:"head_sha"`
	Status     *string    `json:"status"`
	Conclusion *string    `json:"conclusion"`
	DetailsURL *string    `json:"details_url"`
	ExternalID *string    `json:"external_id"`
	StartedAt  *time.Time `json:"started_at"`
	Completed  *time.Time `json:"completed_at"`
	Output     *struct {
		Title   *string `json:"title"`
		Summary *string `json:"summary"`
		Text    *string `json:"text"`

		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
}

var conclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out", "startup_failure"}

// apply writes the wish into a check run under GitHub's rules.
func (w checkWish) apply(run *CheckRun, now time.Time) error {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&run.Name, w.Name)
	set(&run.Status, w.Status)
	set(&run.DetailsURL, w.DetailsURL)
	set(&run.ExternalID, w.ExternalID)
	if w.StartedAt != nil {
		run.StartedAt = *w.StartedAt
	}
	if w.Output != nil {
		if or(value(w.Output.Title), "") == "" || w.Output.Summary == nil {
			return invalid("CheckRun", "output", "missing_field", "")
		}
		for _, text := range []*string{w.Output.Summary, w.Output.Text} {
			if len(value(text)) > 65535 {
				return invalid("CheckRun", "output", "custom", "Only 65535 characters are allowed; "+strconv.Itoa(len(*text))+" were supplied.")
			}
		}
		set(&run.Title, w.Output.Title)
		set(&run.Summary, w.Output.Summary)
		set(&run.Text, w.Output.Text)
		if n := len(w.Output.Annotations); n > 50 {
			return invalid("CheckRun", "annotations", "custom", "Only 50 annotations are allowed; "+strconv.Itoa(n)+" were supplied.")
		}
		run.Annotations = slices.Concat(run.Annotations, w.Output.Annotations) // an update adds to those that are there
	}
	if w.Conclusion != nil {
		if !slices.Contains(conclusions, *w.Conclusion) {
			return invalid("CheckRun", "conclusion", "invalid", "")
		}
		run.Conclusion, run.Status = *w.Conclusion, "completed"
	}
	switch run.Status {
	case "completed":
		if run.Conclusion == "" {
			return invalid("CheckRun", "conclusion", "missing_field", "")
		}
		if run.CompletedAt = now; w.Completed != nil {
			run.CompletedAt = *w.Completed
		}
	case "queued", "in_progress":
		run.Conclusion, run.CompletedAt = "", time.Time{}
	default:
		return invalid("CheckRun", "status", "invalid", "")
	}
	return nil
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func createCheckRun(c *call) (reply, error) {
	var in checkWish
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if value(in.Name) == "" {
		return reply{}, invalid("CheckRun", "name", "missing_field", "")
	}
	id, err := c.repo.git.resolve(in.HeadSHA)
	if err != nil {
		return reply{}, err
	}
	if id == "" || id != in.HeadSHA {
		return reply{}, problem{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + in.HeadSHA}
	}
	run := &CheckRun{ID: c.nextID(), App: c.who.installation().app.Slug, HeadSHA: id, Status: "queued", StartedAt: c.now()}
	if err := in.apply(run, c.now()); err != nil {
		return reply{}, err
	}
	if err := c.addCheckRun(c.repo, run, c.who.user); err != nil {
		return reply{}, err
	}
	return created(c.checkRunBody(c.repo, run))
}

func (s *Server) addCheckRun(r *repo, run *CheckRun, by *User) error {
	r.checks = append(r.checks, run)
	return s.fireCheckRun(r, run, by)
}

func (c *call) checkRun() (*CheckRun, error) {
	id, err := c.number("id")
	if err != nil {
		return nil, err
	}
	for _, run := range c.repo.checks {
		if run.ID == id {
			return run, nil
		}
	}
	return nil, errNotFound
}

func getCheckRun(c *call) (reply, error) {
	run, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	return ok(c.checkRunBody(c.repo, run))
}

func updateCheckRun(c *call) (reply, error) {
	run, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	if run.App != c.who.installation().app.Slug {
		return reply{}, problem{status: http.StatusForbidden, message: "Invalid app_id `" + run.App + "` - check run can only be modified by the GitHub App that created it."}
	}
	var in checkWish
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	changed := *run
	if err := in.apply(&changed, c.now()); err != nil {
		return reply{}, err
	}
	wasDone := run.Status == "completed"
	*run = changed
	if !wasDone {
		if err := c.fireCheckRun(c.repo, run, c.who.user); err != nil {
			return reply{}, err
		}
	}
	return ok(c.checkRunBody(c.repo, run))
}

// listCheckRuns lists the latest run of each name and App, or with
// filter=all every one, newest first.
func listCheckRuns(c *call, sha string) (reply, error) {
	type key struct{ app, name string }
	seen := map[key]bool{}
	var found []*CheckRun
	for _, run := range slices.Backward(c.repo.checks) {
		if run.HeadSHA != sha {
			continue
		}
		if name := c.query("check_name"); name != "" && name != run.Name {
			continue
		}
		if id := c.query("app_id"); id != "" && id != strconv.FormatInt(c.appBySlug(run.App).ID, 10) {
			continue
		}
		old := seen[key{run.App, run.Name}]
		seen[key{run.App, run.Name}] = true
		if old && c.query("filter") != "all" {
			continue
		}
		if status := c.query("status"); status != "" && status != run.Status {
			continue
		}
		found = append(found, run)
	}
	return list(c, "check_runs", found, func(run *CheckRun) object { return c.checkRunBody(c.repo, run) })
}

func (s *Server) checkRunBody(r *repo, run *CheckRun) object {
	id := strconv.FormatInt(run.ID, 10)
	api, page := s.repoURL(r)+"/check-runs/"+id, s.repoPageURL(r)+"/runs/"+id
	return object{
		"id": run.ID, "node_id": nodeID("CR", run.ID), "name": run.Name, "head_sha": run.HeadSHA, "external_id": run.ExternalID,
		"url": api, "html_url": page, "details_url": or(run.DetailsURL, page),
		"status": run.Status, "conclusion": orNull(run.Conclusion),
		"started_at": stamp(run.StartedAt), "completed_at": stamp(run.CompletedAt),
		"output": object{"title": orNull(run.Title), "summary": orNull(run.Summary), "text": orNull(run.Text),
			"annotations_count": len(run.Annotations), "annotations_url": api + "/annotations"},
		"check_suite": object{"id": suiteID(s.appBySlug(run.App), run.HeadSHA)},
		"app":         s.appBody(s.appBySlug(run.App)), "pull_requests": s.pullsAt(r, run.HeadSHA),
	}
}

// pullsAt lists the open pull requests with that head, in short.
func (s *Server) pullsAt(r *repo, sha string) []object {
	out := []object{}
	side := func(branch, id string) object {
		return object{"ref": branch, "sha": id, "repo": object{"id": r.id, "name": r.name, "url": s.repoURL(r)}}
	}
	for _, t := range r.pulls() {
		if p := t.pull; t.State == "open" && p.HeadSHA == sha {
			out = append(out, object{"id": t.ID, "number": t.Number, "url": s.repoURL(r) + "/pulls/" + strconv.Itoa(t.Number),
				"head": side(p.Head, p.HeadSHA), "base": side(p.Base, p.BaseSHA)})
		}
	}
	return out
}

// suiteID gives an App's runs on one commit one id: the suite is nothing but
// these two.
func suiteID(a *app, sha string) int64 {
	n, _ := strconv.ParseInt(sha[:8], 16, 64)
	return n<<16 | a.ID&0xffff
}

// suite adds up an App's runs on a commit.
type suite struct {
	app        *app
	sha        string
	runs       int
	status     string
	conclusion string
	first      time.Time
	last       time.Time
}

func (s *Server) suites(r *repo, sha string) []suite {
	var list []suite
	for _, a := range s.apps {
		sum := suite{app: a, sha: sha, status: "completed", conclusion: "success"}
		for _, run := range r.checks {
			if run.HeadSHA != sha || run.App != a.Slug {
				continue
			}
			if sum.runs++; sum.runs == 1 {
				sum.first = run.StartedAt
			}
			if sum.last = run.StartedAt; run.CompletedAt.After(sum.last) {
				sum.last = run.CompletedAt
			}
			if run.Status != "completed" {
				sum.status, sum.conclusion = "in_progress", ""
			} else if sum.conclusion == "success" && run.Conclusion != "skipped" {
				sum.conclusion = run.Conclusion
			}
		}
		if sum.runs > 0 {
			list = append(list, sum)
		}
	}
	return list
}

func listCheckSuites(c *call, sha string) (reply, error) {
	commit, err := c.repo.git.commit(sha)
	if err != nil {
		return reply{}, err
	}
	return list(c, "check_suites", c.suites(c.repo, sha), func(v suite) object {
		return with(c.suiteBody(c.repo, v), object{"repository": c.repoLite(c.repo), "head_commit": simpleCommit(commit),
			"latest_check_runs_count": v.runs, "check_runs_url": c.repoURL(c.repo) + "/check-suites/" + strconv.FormatInt(suiteID(v.app, sha), 10) + "/check-runs"})
	})
}

// suiteBody is a suite as part of a check run's event.
func (s *Server) suiteBody(r *repo, v suite) object {
	id := suiteID(v.app, v.sha)
	var branch any
	if at := r.branchesAt(v.sha); len(at) > 0 {
		branch = at[0]
	}
	return object{"id": id, "node_id": nodeID("CS", id), "head_branch": branch, "head_sha": v.sha,
		"status": v.status, "conclusion": orNull(v.conclusion), "url": s.repoURL(r) + "/check-suites/" + strconv.FormatInt(id, 10),
		"before": nil, "after": v.sha, "pull_requests": s.pullsAt(r, v.sha), "app": s.appBody(v.app),
		"created_at": stamp(v.first), "updated_at": stamp(v.last)}
}

func simpleCommit(commit gitCommit) object {
	who := func(i identity) object { return object{"name": i.Name, "email": i.Email} }
	return object{"id": commit.ID, "tree_id": commit.Tree, "message": commit.Message, "timestamp": stamp(commit.Committer.Date),
		"author": who(commit.Author), "committer": who(commit.Committer)}
}
