package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/githubtest"
)

// showCommands print what there is to see, after everything has settled and with
// stable names, so that a story can compare it.
func showCommands() map[string]command {
	return map[string]command{
		"pulls": printed((*world).showPulls),
		"show":  printed((*world).show),
		"git":   printed((*world).showGit),
		"tree": printed(func(w *world, args []string) (string, error) {
			return w.git("ls-tree", "-r", "--name-only", or(args, 0, "main"))
		}),
		"fsck": printed((*world).fsck),
	}
}

func printed(text func(w *world, args []string) (string, error)) command {
	return func(w *world, s *story, args []string) error {
		if err := w.settle(); err != nil {
			return err
		}
		out, err := text(w, args)
		if err != nil {
			return err
		}
		if out = strings.TrimRight(out, "\n"); out != "" {
			s.print(w.names().plain(out) + "\n")
		}
		return nil
	}
}

// showPulls lists the promotion's pull requests, or with a state those in it:
//
//	#1 open stage/test ← towpath/to/stage/test: Promote app:1.0.0 (…) to test
func (w *world) showPulls(args []string) (string, error) {
	var out strings.Builder
	for _, p := range w.hub.Pulls(w.repo) {
		state := p.State
		if p.Merged {
			state = "merged"
		}
		if want := or(args, 0, state); want == state {
			fmt.Fprintf(&out, "#%d %s %s ← %s: %s\n", p.Number, state, p.Base, p.Head, p.Title)
		}
	}
	return out.String(), nil
}

const showUsage = "show pull|comments|reactions 1|branch · checks|statuses ref · file ref path · ledger · refs" +
	" · issues · image repository tag · runs · page [path] · log · deliveries · requests · writes"

func (w *world) show(args []string) (string, error) {
	switch what := or(args, 0, ""); what {
	case "pull":
		p, err := w.pull(or(args, 1, ""))
		if len(p.Labels) > 0 {
			return p.Body + "\nlabels: " + strings.Join(p.Labels, ", ") + "\n", err
		}
		return p.Body, err
	case "comments", "reactions":
		return w.showComments(what, or(args, 1, ""))
	case "checks", "statuses":
		return w.showResults(what, or(args, 1, "main"))
	case "file":
		return w.hub.ReadFile(w.repo, or(args, 1, ""), or(args, 2, ""))
	case "ledger":
		return w.git("log", "--format=%s", "towpath/ledger")
	case "refs":
		var out []string
		for ref := range w.hub.Refs(w.repo) {
			out = append(out, ref)
		}
		slices.Sort(out)
		return strings.Join(out, "\n"), nil
	case "issues":
		return w.showIssues(), nil
	case "image":
		return w.showImage(or(args, 1, ""), or(args, 2, ""))
	case "page":
		return get(context.Background(), w.address+"/"+strings.TrimPrefix(or(args, 1, ""), "/"))
	case "runs":
		return w.showRuns(), nil
	case "log":
		return w.logs.String(), nil
	case "deliveries":
		return w.showDeliveries(), nil
	case "requests":
		return w.showRequests(func(githubtest.Request) bool { return true }), nil
	case "writes":
		return w.showRequests(writes), nil
	}
	return "", usage(showUsage)
}

func (w *world) showComments(what, on string) (string, error) {
	number, err := w.number(on)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, c := range w.hub.Comments(w.repo, number) {
		if what == "reactions" {
			for _, r := range c.Reactions {
				fmt.Fprintf(&out, "%s: %s on %q\n", r.Author, r.Content, c.Body)
			}
			continue
		}
		fmt.Fprintf(&out, "%s: %s\n", c.Author, c.Body)
	}
	return out.String(), nil
}

// showResults sorts by name: checks are written side by side.
func (w *world) showResults(what, ref string) (string, error) {
	sha, err := w.commit(ref)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if what == "statuses" {
		statuses := w.hub.Statuses(w.repo, sha)
		slices.SortStableFunc(statuses, func(a, b githubtest.Status) int { return strings.Compare(a.Context, b.Context) })
		for _, s := range statuses {
			fmt.Fprintf(&out, "%s: %s: %s (%s)\n", s.Context, s.State, s.Description, s.Author)
		}
		return out.String(), nil
	}
	checks := w.hub.CheckRuns(w.repo, sha)
	slices.SortStableFunc(checks, func(a, b githubtest.CheckRun) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range checks {
		fmt.Fprintf(&out, "%s: %s: %s\n%s\n", c.Name, c.Conclusion, c.Title, c.Summary)
		for _, a := range c.Annotations {
			fmt.Fprintf(&out, "%s:%d: %s: %s\n", a.Path, a.StartLine, a.Level, a.Message)
		}
	}
	return out.String(), nil
}

func (w *world) showIssues() string {
	var out strings.Builder
	for _, i := range w.hub.Issues(w.repo) {
		fmt.Fprintf(&out, "#%d %s: %s\n%s\n", i.Number, i.State, i.Title, i.Body)
	}
	return out.String()
}

func (w *world) showDeliveries() string {
	var out strings.Builder
	for _, d := range w.hub.Deliveries() {
		fmt.Fprintf(&out, "%s %s: %d\n", d.Event, d.Action, d.Status)
	}
	return out.String()
}

// showRequests lists what was asked of GitHub since the mark.
func (w *world) showRequests(which func(githubtest.Request) bool) string {
	var out strings.Builder
	for _, r := range w.hub.Requests()[w.marked.requests:] {
		if which(r) {
			fmt.Fprintf(&out, "%s %s: %d\n", r.Method, strings.TrimPrefix(r.Path, "/api/v3"), r.Status)
		}
	}
	return out.String()
}

// writes tells what changes something by the API.
func writes(r githubtest.Request) bool {
	return r.Method != http.MethodGet && strings.HasPrefix(r.Path, "/api/") && !strings.HasSuffix(r.Path, "/access_tokens")
}

func (w *world) showGit(args []string) (string, error) { return w.git(args...) }

// fsck lets git judge every object that we wrote.
func (w *world) fsck(_ []string) (string, error) {
	_, err := w.git("fsck", "--strict", "--no-dangling")
	return "", err
}

// git runs git in the bare repository.
func (w *world) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"--git-dir", w.hub.GitDir(w.repo)}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "TZ=UTC")
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, problem.String())
	}
	return out.String(), nil
}

// commit resolves what git calls a revision.
func (w *world) commit(revision string) (string, error) {
	out, err := w.git("rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	return strings.TrimSpace(out), err
}

func get(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func quietCommands() map[string]command {
	return map[string]command{"mark": (*world).mark, "quiet": (*world).quiet}
}

// state is what the word Quiet is about: branches with their commits, pull
// requests, issues and comments.
type state struct {
	refs     map[string]string
	pulls    []githubtest.Pull
	comments int
	issues   int
	requests int // answered so far
}

func (w *world) state() *state {
	out := &state{refs: w.hub.Refs(w.repo), pulls: w.hub.Pulls(w.repo), issues: len(w.hub.Issues(w.repo)), requests: len(w.hub.Requests())}
	for number := 1; number <= len(out.pulls)+out.issues; number++ {
		out.comments += len(w.hub.Comments(w.repo, number))
	}
	return out
}

func (w *world) mark(_ *story, _ []string) error {
	err := w.settle()
	w.marked = w.state()
	return err
}

// quiet fails when anything was written since the mark; branches that are named
// may have moved.
func (w *world) quiet(_ *story, except []string) error {
	if err := w.settle(); err != nil {
		return err
	}
	if w.marked == nil {
		return usage("mark, something, quiet [branch that may move]…")
	}
	now := w.state()
	var noise []string
	for ref, commit := range now.refs {
		if before := w.marked.refs[ref]; before != commit && !slices.Contains(except, strings.TrimPrefix(ref, "refs/heads/")) {
			noise = append(noise, fmt.Sprintf("%s moved from %q to %q", ref, before, commit))
		}
	}
	for ref := range w.marked.refs {
		if now.refs[ref] == "" && !slices.Contains(except, strings.TrimPrefix(ref, "refs/heads/")) {
			noise = append(noise, ref+" is gone")
		}
	}
	if before := w.marked; now.comments != before.comments || now.issues != before.issues || len(now.pulls) != len(before.pulls) {
		noise = append(noise, fmt.Sprintf("%d pull requests, %d issues, %d comments became %d, %d, %d",
			len(before.pulls), before.issues, before.comments, len(now.pulls), now.issues, now.comments))
	}
	for i, p := range now.pulls[:min(len(now.pulls), len(w.marked.pulls))] {
		if before := w.marked.pulls[i]; p.State != before.State || p.Title != before.Title || p.Body != before.Body {
			noise = append(noise, fmt.Sprintf("#%d was edited", p.Number))
		}
	}
	slices.Sort(noise)
	if len(noise) > 0 {
		return fmt.Errorf("not quiet: %s", strings.Join(noise, "; "))
	}
	return nil
}
