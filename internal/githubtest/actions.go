package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

func (s *Server) runBody(r *repo, run *WorkflowRun) object {
	id := strconv.FormatInt(run.ID, 10)
	api, page := s.repoURL(r)+"/actions/runs/"+id, s.repoPageURL(r)+"/actions/runs/"+id
	var head any
	if commit, err := r.git.commit(run.SHA); err == nil {
		head = simpleCommit(commit)
	}
	workflow := workflowID(run.Workflow)
	return object{
		"id": run.ID, "node_id": nodeID("WFR", run.ID), "name": run.Name, "display_title": or(run.Title, run.Name), "path": run.Workflow,
		"head_branch": run.Branch, "head_sha": run.SHA, "run_number": 1, "run_attempt": 1, "event": or(run.Event, "push"),
		"status": run.Status, "conclusion": orNull(run.Conclusion), "workflow_id": workflow,
		"check_suite_id": run.ID, "check_suite_node_id": nodeID("CS", run.ID), "url": api, "html_url": page,
		"pull_requests": s.pullsAt(r, run.SHA), "created_at": stamp(run.CreatedAt), "updated_at": stamp(run.UpdatedAt),
		"run_started_at": stamp(run.CreatedAt), "actor": s.userOrNull(run.Actor), "triggering_actor": s.userOrNull(run.Actor),
		"referenced_workflows": []object{}, "jobs_url": api + "/jobs", "logs_url": api + "/logs",
		"check_suite_url": s.repoURL(r) + "/check-suites/" + id, "artifacts_url": api + "/artifacts", "cancel_url": api + "/cancel",
		"rerun_url": api + "/rerun", "previous_attempt_url": nil,
		"workflow_url": s.repoURL(r) + "/actions/workflows/" + strconv.FormatInt(workflow, 10),
		"head_commit":  head, "repository": s.repoLite(r), "head_repository": s.repoLite(r),
	}
}

// workflowID derives the id of a workflow from its path.
func workflowID(path string) int64 {
	sum := int64(7)
	for _, b := range []byte(path) {
		sum = (sum*31 + int64(b)) % 1_000_000_007
	}
	return sum
}

func listRuns(c *call) (reply, error) {
	var found []*WorkflowRun
	for _, run := range slices.Backward(c.repo.runs) {
		wanted := map[string]string{"head_sha": run.SHA, "branch": run.Branch, "event": or(run.Event, "push"), "actor": run.Actor}
		matches := true
		for field, is := range wanted {
			if want := c.query(field); want != "" && want != is {
				matches = false
			}
		}
		if want := c.query("status"); want != "" && want != run.Status && want != run.Conclusion {
			matches = false
		}
		if after, found := strings.CutPrefix(c.query("created"), ">="); found && run.CreatedAt.Format("2006-01-02T15:04:05Z") < after {
			matches = false
		}
		if matches {
			found = append(found, run)
		}
	}
	return list(c, "workflow_runs", found, func(run *WorkflowRun) object { return c.runBody(c.repo, run) })
}

func (c *call) workflowRun() (*WorkflowRun, error) {
	id, err := c.number("id")
	if err != nil {
		return nil, err
	}
	if run := c.repo.run(id); run != nil {
		return run, nil
	}
	return nil, errNotFound
}

func (r *repo) run(id int64) *WorkflowRun {
	for _, run := range r.runs {
		if run.ID == id {
			return run
		}
	}
	return nil
}

func getRun(c *call) (reply, error) {
	run, err := c.workflowRun()
	if err != nil {
		return reply{}, err
	}
	return ok(c.runBody(c.repo, run))
}

func listJobs(c *call) (reply, error) {
	run, err := c.workflowRun()
	if err != nil {
		return reply{}, err
	}
	return list(c, "jobs", run.Jobs, func(j Job) object {
		id := strconv.FormatInt(j.ID, 10)
		var completed any
		if j.Status == "completed" {
			completed = stamp(run.UpdatedAt)
		}
		return object{"id": j.ID, "run_id": run.ID, "run_url": c.repoURL(c.repo) + "/actions/runs/" + strconv.FormatInt(run.ID, 10),
			"run_attempt": 1, "node_id": nodeID("JO", j.ID), "head_sha": run.SHA, "url": c.repoURL(c.repo) + "/actions/jobs/" + id,
			"html_url": c.repoPageURL(c.repo) + "/actions/runs/" + strconv.FormatInt(run.ID, 10) + "/job/" + id,
			"status":   j.Status, "conclusion": orNull(j.Conclusion), "created_at": stamp(run.CreatedAt), "started_at": stamp(run.CreatedAt),
			"completed_at": completed, "name": j.Name, "check_run_url": c.repoURL(c.repo) + "/check-runs/" + id, "labels": []string{},
			"runner_id": nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil,
			"workflow_name": run.Name, "head_branch": run.Branch, "steps": []object{}}
	})
}

// workflowFile is what a dispatch needs to know of a workflow.
type workflowFile struct {
	Name    string   `yaml:"name"`
	RunName string   `yaml:"run-name"`
	On      triggers `yaml:"on"`
	Jobs    map[string]struct {
		Name string `yaml:"name"`
	} `yaml:"jobs"`
}

// triggers says whether a workflow can be dispatched, and with which inputs.
type triggers struct {
	dispatch bool
	inputs   map[string]workflowInput
}

type workflowInput struct {
	Required bool   `yaml:"required"`
	Default  string `yaml:"default"`
}

// UnmarshalYAML accepts the three forms: one name, a list, and a mapping.
func (t *triggers) UnmarshalYAML(node *yaml.Node) error {
	const dispatch = "workflow_dispatch"
	if node.Kind != yaml.MappingNode {
		for _, one := range append([]*yaml.Node{node}, node.Content...) {
			t.dispatch = t.dispatch || one.Value == dispatch
		}
		return nil
	}
	var on map[string]yaml.Node
	if err := node.Decode(&on); err != nil {
		return err
	}
	trigger, found := on[dispatch]
	if t.dispatch = found; !found || trigger.Kind != yaml.MappingNode {
		return nil
	}
	var declared struct {
		Inputs map[string]workflowInput `yaml:"inputs"`
	}
	err := trigger.Decode(&declared)
	t.inputs = declared.Inputs
	return err
}

// dispatchWorkflow starts a run, queued, of a workflow file at a branch, under
// GitHub's conditions: the trigger and every input must be declared.
func dispatchWorkflow(c *call) (reply, error) {
	var in struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs"`
		Details bool              `json:"return_run_details"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	refuse := func(format string, args ...any) (reply, error) {
		return reply{}, problem{status: http.StatusUnprocessableEntity, message: fmt.Sprintf(format, args...)}
	}
	if in.Details && c.older {
		return refuse(`Invalid request. "return_run_details" is not a permitted key.`)
	}
	branch := strings.TrimPrefix(in.Ref, "refs/heads/")
	sha, found := c.repo.refs["refs/heads/"+branch]
	if !found {
		return refuse("No ref found for: %s", in.Ref)
	}
	path := ".github/workflows/" + c.req.PathValue("workflow")
	text, err := c.repo.git.readFile(sha, path)
	if err != nil {
		return reply{}, errNotFound
	}
	var file workflowFile
	if err := yaml.Unmarshal(text, &file); err != nil || !file.On.dispatch {
		return refuse("Workflow does not have 'workflow_dispatch' trigger")
	}
	inputs := map[string]string{}
	for name, declared := range file.On.inputs {
		given, isGiven := in.Inputs[name]
		if declared.Required && !isGiven && declared.Default == "" {
			return refuse("Required input '%s' not provided", name)
		}
		inputs[name] = or(given, declared.Default)
	}
	var unexpected []string
	for name := range in.Inputs {
		if _, declared := file.On.inputs[name]; !declared {
			unexpected = append(unexpected, strconv.Quote(name))
		}
	}
	if sort.Strings(unexpected); len(unexpected) > 0 {
		return refuse("Unexpected inputs provided: [%s]", strings.Join(unexpected, ", "))
	}
	run := c.queueRun(c.repo, WorkflowRun{Workflow: path, Name: or(file.Name, path), Title: expand(file.RunName, inputs),
		Event: "workflow_dispatch", Branch: branch, SHA: sha, Status: "queued", Actor: c.who.user.Login, Inputs: inputs})
	for _, id := range sortedKeys(file.Jobs) {
		run.Jobs = append(run.Jobs, Job{ID: c.nextID(), Name: or(file.Jobs[id].Name, id), Status: "queued"})
	}
	if !in.Details {
		return reply{status: http.StatusNoContent}, nil
	}
	body := c.runBody(c.repo, run)
	return ok(object{"workflow_run_id": run.ID, "run_url": body["url"], "html_url": body["html_url"]})
}

// expand fills the inputs into a run-name; other expressions stay.
func expand(text string, inputs map[string]string) string {
	for name, is := range inputs {
		for _, form := range []string{"${{ inputs.%s }}", "${{inputs.%s}}", "${{ github.event.inputs.%s }}"} {
			text = strings.ReplaceAll(text, fmt.Sprintf(form, name), is)
		}
	}
	return text
}

func (s *Server) queueRun(r *repo, run WorkflowRun) *WorkflowRun {
	run.ID, run.CreatedAt, run.UpdatedAt = s.nextID(), s.now(), s.now()
	r.runs = append(r.runs, &run)
	return &run
}

// dispatchRepository sends a repository_dispatch event.
func dispatchRepository(c *call) (reply, error) {
	var in struct {
		Type    string         `json:"event_type"`
		Payload map[string]any `json:"client_payload"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Type == "" {
		return reply{}, invalid("RepositoryDispatch", "event_type", "missing_field", "")
	}
	if in.Payload == nil {
		in.Payload = map[string]any{}
	}
	err := c.fire(c.repo, "repository_dispatch", c.who.user, object{"action": in.Type, "branch": c.repo.branch, "client_payload": in.Payload})
	return reply{status: http.StatusNoContent}, err
}
