package forge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/google/go-github/v62/github"
)

// Check is what we report on a commit (P5).
type Check struct {
	Name       string
	Commit     string
	Conclusion string // neutral, success or failure; empty while in progress
	Title      string
	Summary    string // Markdown
	Text       string // Markdown
	URL        string // details; may be empty
	// Annotations are shown beside the lines that they are about; statuses have none.
	Annotations []Annotation `json:",omitempty"`
}

// Annotation is what a check says of a line.
type Annotation struct {
	Path    string
	Line    int // from 1
	Message string
}

// maxAnnotations is how many GitHub takes in one request.
const maxAnnotations = 50

// WriteCheck makes the commit say what the check says: by one check run per name
// and commit, or by a commit status of that name with a plain token, which may
// not write check runs. Nothing is written when it says so already. A status has
// no word for neutral; it passes, and the title tells.
func (r *Repo) WriteCheck(ctx context.Context, c Check) error {
	if err := checkCommit(c.Commit); err != nil {
		return err
	}
	if r.forge.IsApp() {
		return r.WriteCheckRun(ctx, c)
	}
	return r.WriteStatus(ctx, c)
}

// WriteCheckRun is WriteCheck for a check run in any case: for an App, or for a
// workflow's own token.
func (r *Repo) WriteCheckRun(ctx context.Context, c Check) error {
	return r.failed(r.writeRun(ctx, c), "write check run %q on %s", c.Name, c.Commit)
}

// WriteStatus is WriteCheck for a commit status in any case.
func (r *Repo) WriteStatus(ctx context.Context, c Check) error {
	return r.failed(r.writeStatus(ctx, c), "write status %q on %s", c.Name, c.Commit)
}

func (r *Repo) writeRun(ctx context.Context, c Check) error {
	found, ok, err := r.findRun(ctx, c)
	if err != nil {
		return err
	}
	digest := c.digest()
	// Annotations can be added to a run and not taken away, so others want another
	// run; GitHub shows the latest of a name.
	annotated := len(c.Annotations) > 0 || found.GetOutput().GetAnnotationsCount() > 0
	if !ok || annotated && found.GetExternalID() != digest {
		create := func() (*github.CheckRun, error) {
			run, _, err := r.client.Checks.CreateCheckRun(ctx, r.owner, r.name, c.create(digest))
			return run, err
		}
		find := func() (*github.CheckRun, bool, error) {
			run, ok, err := r.findRun(ctx, c)
			return run, ok && (!annotated || run.GetExternalID() == digest), err
		}
		if found, err = createOnce(ctx, r.forge.wait, create, find); err != nil {
			return err
		}
	}
	if found.GetExternalID() == digest {
		return nil
	}
	_, _, err = r.client.Checks.UpdateCheckRun(ctx, r.owner, r.name, found.GetID(), c.update(digest))
	return err
}

func (r *Repo) findRun(ctx context.Context, c Check) (*github.CheckRun, bool, error) {
	options := github.ListCheckRunsOptions{CheckName: &c.Name}
	if r.forge.IsApp() {
		options.AppID = &r.forge.cfg.AppID
	}
	runs, err := r.listChecks(ctx, c.Commit, options)
	for _, run := range runs {
		if r.forge.IsApp() || run.GetApp().GetSlug() == "github-actions" && run.GetExternalID() != "" {
			return run, true, err
		}
	}
	return nil, false, err
}

// digest names the check's content; it is kept as the run's external id.
func (c Check) digest() string {
	text, _ := json.Marshal(c) // strings only: never fails
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func (c Check) create(digest string) github.CreateCheckRunOptions {
	u := c.update(digest)
	return github.CreateCheckRunOptions{
		Name: u.Name, HeadSHA: c.Commit, DetailsURL: u.DetailsURL, ExternalID: u.ExternalID,
		Status: u.Status, Conclusion: u.Conclusion, Output: u.Output,
	}
}

func (c Check) update(digest string) github.UpdateCheckRunOptions {
	u := github.UpdateCheckRunOptions{
		Name: c.Name, ExternalID: &digest, Status: github.String("in_progress"),
		Output: &github.CheckRunOutput{
			Title: github.String(cut(cmp.Or(c.Title, c.Name), 255)), Summary: github.String(cut(c.Summary, textLimit)), Text: github.String(cut(c.Text, textLimit)),
		},
	}
	for _, a := range c.Annotations[:min(len(c.Annotations), maxAnnotations)] {
		u.Output.Annotations = append(u.Output.Annotations, &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: &a.Line, EndLine: &a.Line, AnnotationLevel: github.String("failure"), Message: github.String(cut(a.Message, textLimit)),
		})
	}
	if c.URL != "" {
		u.DetailsURL = &c.URL
	}
	if c.Conclusion != "" {
		u.Status, u.Conclusion = github.String("completed"), &c.Conclusion
	}
	return u
}

func (r *Repo) writeStatus(ctx context.Context, c Check) error {
	want := &github.RepoStatus{Context: &c.Name, State: github.String(c.state()), Description: github.String(cut(c.Title, 140))}
	if c.URL != "" {
		want.TargetURL = &c.URL
	}
	find := func() (*github.RepoStatus, bool, error) { return r.findStatus(ctx, c.Commit, want) }
	create := func() (*github.RepoStatus, error) {
		status, _, err := r.client.Repositories.CreateStatus(ctx, r.owner, r.name, c.Commit, want)
		return status, err
	}
	_, said, err := find()
	if err == nil && !said {
		_, err = createOnce(ctx, r.forge.wait, create, find)
	}
	return err
}

// findStatus looks whether the commit says already what is wanted.
func (r *Repo) findStatus(ctx context.Context, commit string, want *github.RepoStatus) (*github.RepoStatus, bool, error) {
	statuses, err := r.listStatuses(ctx, commit)
	for _, s := range statuses {
		if s.GetContext() == want.GetContext() && s.GetState() == want.GetState() &&
			s.GetDescription() == want.GetDescription() && s.GetTargetURL() == want.GetTargetURL() {
			return s, true, nil
		}
	}
	return nil, false, err
}

func (c Check) state() string {
	switch c.Conclusion {
	case "":
		return "pending"
	case "failure":
		return "failure"
	}
	return "success"
}
