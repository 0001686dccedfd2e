package forge

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"
	"golang.org/x/sync/errgroup"

	"github.com/towpath/towpath/internal/promote"
)

// Observation is one result that somebody reported on a commit.
type Observation struct {
	Source  promote.Source
	Name    string // of the check run; the status's context; the deployment's environment; the workflow's name
	App     string // check runs: the slug of the App that wrote it
	State   string // GitHub's conclusion or state; empty while pending
	URL     string
	At      time.Time // of the result; while pending, of the last sign of life
	ID      int64
	Attempt int // workflow runs: counted from 1; 0 where GitHub does not count
}

// Observations returns what was reported on a commit, sorted by source, name,
// time and id: the latest check run of each name and App, the latest status of
// each context, the latest deployment to each environment, and all workflow
// runs; nothing that we wrote as an App. With sources named, the others are not
// asked for.
func (r *Repo) Observations(ctx context.Context, commit string, sources ...promote.Source) ([]Observation, error) {
	if err := checkCommit(commit); err != nil {
		return nil, err
	}
	readers := []struct {
		source promote.Source
		read   func(context.Context, string) ([]Observation, error)
	}{
		{promote.FromCheck, r.checkRuns},
		{promote.FromStatus, r.statuses},
		{promote.FromDeployment, r.deployments},
		{promote.FromWorkflow, r.workflowRuns},
	}
	found := make([][]Observation, len(readers))
	group, ctx := errgroup.WithContext(ctx)
	for i, reader := range readers {
		if len(sources) > 0 && !slices.Contains(sources, reader.source) {
			continue
		}
		group.Go(func() error {
			list, err := reader.read(ctx, commit)
			for j := range list {
				list[j].Source = reader.source
			}
			found[i] = list
			return r.failed(err, "read %s results of %s", reader.source, commit)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(a, b Observation) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

func (r *Repo) checkRuns(ctx context.Context, commit string) ([]Observation, error) {
	runs, err := r.listChecks(ctx, commit, github.ListCheckRunsOptions{})
	var out []Observation
	for _, run := range runs {
		if r.forge.IsApp() && run.GetApp().GetID() == r.forge.cfg.AppID {
			continue // what we say of results is none
		}
		o := Observation{
			Name: run.GetName(), App: run.GetApp().GetSlug(), URL: run.GetHTMLURL(), ID: run.GetID(),
			At: run.GetStartedAt().Time,
		}
		if run.GetStatus() == "completed" {
			o.State, o.At = run.GetConclusion(), run.GetCompletedAt().Time
		}
		out = append(out, o)
	}
	return out, err
}

func (r *Repo) listChecks(ctx context.Context, commit string, o github.ListCheckRunsOptions) ([]*github.CheckRun, error) {
	o.Filter = github.String("latest")
	return pages(0, func(page github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
		o.ListOptions = page
		list, resp, err := r.client.Checks.ListCheckRunsForRef(ctx, r.owner, r.name, commit, &o)
		if err != nil {
			return nil, resp, err
		}
		return list.CheckRuns, resp, nil
	})
}

func (r *Repo) statuses(ctx context.Context, commit string) ([]Observation, error) {
	statuses, err := r.listStatuses(ctx, commit)
	var out []Observation
	for _, s := range statuses {
		o := Observation{
			Name: s.GetContext(), State: s.GetState(), URL: s.GetTargetURL(), ID: s.GetID(), At: s.GetUpdatedAt().Time,
		}
		if o.State == "pending" {
			o.State = ""
		}
		out = append(out, o)
	}
	return out, err
}

// listStatuses asks for the combined status, which holds the latest of each context.
func (r *Repo) listStatuses(ctx context.Context, commit string) ([]*github.RepoStatus, error) {
	return pages(0, func(page github.ListOptions) ([]*github.RepoStatus, *github.Response, error) {
		combined, resp, err := r.client.Repositories.GetCombinedStatus(ctx, r.owner, r.name, commit, &page)
		if err != nil {
			return nil, resp, err
		}
		return combined.Statuses, resp, nil
	})
}

func (r *Repo) deployments(ctx context.Context, commit string) ([]Observation, error) {
	list, err := pages(0, func(page github.ListOptions) ([]*github.Deployment, *github.Response, error) {
		return r.client.Repositories.ListDeployments(ctx, r.owner, r.name, &github.DeploymentsListOptions{SHA: commit, ListOptions: page})
	})
	if err != nil {
		return nil, err
	}
	latest := map[string]*github.Deployment{}
	for _, d := range list {
		if known := latest[d.GetEnvironment()]; known == nil || known.GetID() < d.GetID() {
			latest[d.GetEnvironment()] = d
		}
	}
	var out []Observation
	for environment, d := range latest {
		o, err := r.deployment(ctx, d)
		if err != nil {
			return nil, err
		}
		o.Name = environment
		out = append(out, o)
	}
	return out, nil
}

// deployment reads how a deployment went. "inactive" is passed over as long as
// there is another word: it says that a later deployment took the place, which
// does not undo the result.
func (r *Repo) deployment(ctx context.Context, d *github.Deployment) (Observation, error) {
	o := Observation{ID: d.GetID(), At: d.GetCreatedAt().Time}
	statuses, _, err := r.client.Repositories.ListDeploymentStatuses(ctx, r.owner, r.name, d.GetID(), &github.ListOptions{PerPage: perPage})
	if err != nil || len(statuses) == 0 {
		return o, err
	}
	// GitHub lists the newest first.
	newest := slices.IndexFunc(statuses, func(s *github.DeploymentStatus) bool { return s.GetState() != "inactive" })
	s := statuses[max(0, newest)]
	o.At, o.URL = s.GetCreatedAt().Time, cmp.Or(s.GetLogURL(), s.GetTargetURL())
	switch state := s.GetState(); state {
	case "pending", "queued", "in_progress":
	default:
		o.State = state
	}
	return o, nil
}

func (r *Repo) workflowRuns(ctx context.Context, commit string) ([]Observation, error) {
	runs, err := pages(0, func(page github.ListOptions) ([]*github.WorkflowRun, *github.Response, error) {
		list, resp, err := r.client.Actions.ListRepositoryWorkflowRuns(ctx, r.owner, r.name,
			&github.ListWorkflowRunsOptions{HeadSHA: commit, ListOptions: page})
		if err != nil {
			return nil, resp, err
		}
		return list.WorkflowRuns, resp, nil
	})
	var out []Observation
	for _, run := range runs {
		o := Observation{
			Name: run.GetName(), URL: run.GetHTMLURL(), ID: run.GetID(),
			At: run.GetUpdatedAt().Time, Attempt: run.GetRunAttempt(),
		}
		if run.GetStatus() == "completed" {
			o.State = run.GetConclusion()
		}
		out = append(out, o)
	}
	return out, err
}
