package githubtest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// comparison is what git says about the two sides of a pull request, kept
// until one of them moves.
type comparison struct {
	base, head           string
	tree                 string // of the merge; empty when it conflicts
	behind               bool   // the base has commits that the head has not
	commits, files       int
	additions, deletions int
}

// compare brings a pull request's comparison up to date.
func (r *repo) compare(p *pull) error {
	base := p.BaseSHA
	if now, found := r.refs["refs/heads/"+p.Base]; found && !p.merged {
		base = now
	}
	if p.comparison.base == base && p.comparison.head == p.HeadSHA {
		return nil
	}
	out := comparison{base: base, head: p.HeadSHA}
	fork, err := r.git.mergeBase(base, p.HeadSHA)
	if err != nil {
		return err
	}
	if fork == "" {
		p.comparison = out
		return nil
	}
	out.behind = fork != base
	tree, clean, err1 := r.git.mergeTree(base, p.HeadSHA)
	if clean {
		out.tree = tree
	}
	count, err2 := r.git.run("rev-list", "--count", base+".."+p.HeadSHA)
	files, err3 := r.git.diff(fork, p.HeadSHA)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	out.commits, _ = strconv.Atoi(strings.TrimSpace(count))
	out.files = len(files)
	for _, f := range files {
		out.additions, out.deletions = out.additions+f.Additions, out.deletions+f.Deletions
	}
	p.comparison = out
	return nil
}

// verdict is whether a pull request can be merged: GitHub's mergeable_state,
// and for "blocked" the sentence that a merge is refused with.
type verdict struct {
	state  string // unknown, dirty, blocked, behind, unstable, draft or clean
	reason string
}

func (s *Server) judge(r *repo, t *thread) (verdict, error) {
	p := t.pull
	if err := r.compare(p); err != nil {
		return verdict{}, err
	}
	rules := r.protected[p.Base]
	worst := worstResult(r, p.HeadSHA, nil)
	switch {
	case p.undecided || t.State == "closed":
		return verdict{state: "unknown"}, nil
	case p.comparison.tree == "":
		return verdict{state: "dirty"}, nil
	case p.draft:
		return verdict{state: "draft"}, nil
	case approvals(s, r, p) < rules.Approvals:
		return verdict{"blocked", "At least " + strconv.Itoa(rules.Approvals) + " approving review is required by reviewers with write access."}, nil
	case len(rules.Checks) > 0 && worstResult(r, p.HeadSHA, rules.Checks) != passed:
		return verdict{"blocked", "Required status check \"" + strings.Join(rules.Checks, "\", \"") + "\" is expected."}, nil
	case rules.Strict && p.comparison.behind:
		return verdict{"behind", "The head branch is not up to date with the base branch."}, nil
	case worst == failed:
		return verdict{state: "unstable"}, nil
	}
	return verdict{state: "clean"}, nil
}

// approvals counts people who may write and whose last say is an approval.
func approvals(s *Server, r *repo, p *pull) int {
	last := map[string]string{}
	for _, v := range p.reviews {
		if v.State != "COMMENTED" && s.role(r, s.user(v.Author)) >= write {
			last[v.Author] = v.State
		}
	}
	n := 0
	for _, state := range last {
		if state == "APPROVED" {
			n++
		}
	}
	return n
}

// result is how far a commit's checks and statuses have come.
type result int

const (
	passed result = iota
	waiting
	failed
)

// worstResult looks at the latest check run and status of each name; with
// names at these only, and a missing one is waited for.
func worstResult(r *repo, sha string, names []string) result {
	latest := map[string]result{}
	for _, run := range r.checks {
		if run.HeadSHA == sha {
			latest[run.Name] = map[bool]result{true: failed, false: waiting}[run.Status == "completed"]
			if run.Conclusion == "success" || run.Conclusion == "neutral" || run.Conclusion == "skipped" {
				latest[run.Name] = passed
			}
		}
	}
	for _, status := range r.statuses {
		if status.SHA == sha {
			latest[status.Context] = map[string]result{"success": passed, "pending": waiting, "failure": failed, "error": failed}[status.State]
		}
	}
	worst := passed
	if names == nil {
		for _, one := range latest {
			worst = max(worst, one)
		}
		return worst
	}
	for _, name := range names {
		one, found := latest[name]
		if !found {
			one = waiting
		}
		worst = max(worst, one)
	}
	return worst
}

func mergePull(c *call) (reply, error) {
	t, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var in struct {
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
		SHA     string `json:"sha"`
		Method  string `json:"merge_method"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	id, err := c.merge(c.repo, t, mergeWish{method: in.Method, pin: in.SHA, title: in.Title, message: in.Message, by: c.who.user})
	if err != nil {
		return reply{}, err
	}
	return ok(object{"sha": id, "merged": true, "message": "Pull Request successfully merged"})
}

// mergeWish is how somebody wants a pull request merged.
type mergeWish struct {
	method         string // merge (when empty), squash or rebase
	pin            string // the head that was looked at; any when empty
	title, message string // GitHub's own when empty
	by             *User
}

func notMergeable(reason string) problem {
	return problem{status: http.StatusMethodNotAllowed, message: or(reason, "Pull Request is not mergeable")}
}

// merge merges a pull request as the button does and returns the commit that
// the base then points at.
func (s *Server) merge(r *repo, t *thread, wish mergeWish) (string, error) {
	p := t.pull
	if t.State != "open" {
		return "", notMergeable("")
	}
	if wish.pin != "" && wish.pin != p.HeadSHA {
		return "", problem{status: http.StatusConflict, message: "Head branch was modified. Review and try the merge again."}
	}
	v, err := s.judge(r, t)
	if err != nil {
		return "", err
	}
	if v.state != "clean" && v.state != "unstable" {
		return "", notMergeable(v.reason)
	}
	base := p.comparison.base
	id, err := s.mergeCommit(r, t, wish)
	if err != nil {
		return "", err
	}
	if err := r.git.updateRef("refs/heads/"+p.Base, id, base); err != nil {
		return "", problem{status: http.StatusMethodNotAllowed, message: "Base branch was modified. Review and try the merge again."}
	}
	if err := s.markMerged(r, t, id, wish.by); err != nil {
		return "", err
	}
	return id, s.notice(r, wish.by)
}

// mergeCommit writes what the base will point at.
func (s *Server) mergeCommit(r *repo, t *thread, wish mergeWish) (string, error) {
	p, who := t.pull, s.identity(wish.by)
	number := strconv.Itoa(t.Number)
	base := p.comparison.base
	switch or(wish.method, "merge") {
	case "merge":
		title := or(wish.title, "Merge pull request #"+number+" from "+r.owner.Login+"/"+p.Head)
		return r.git.commitTree(p.comparison.tree, title+"\n\n"+or(wish.message, t.Title)+"\n", who, who, base, p.HeadSHA)
	case "squash":
		text := or(wish.title, t.Title+" (#"+number+")") + "\n"
		if body := or(wish.message, t.Body); body != "" {
			text += "\n" + body + "\n"
		}
		author := s.identity(s.user(t.Author))
		author.Date = who.Date
		return r.git.commitTree(p.comparison.tree, text, author, who, base)
	case "rebase":
		return s.rebase(r, base, p.HeadSHA, who)
	}
	return "", invalid("PullRequest", "merge_method", "invalid", "")
}

// rebase puts the commits between base and head on top of base, one by one.
// A commit is taken over by merging it with a stand-in that has our tree and
// its parent, so that git finds that parent as the merge base.
func (s *Server) rebase(r *repo, base, head string, who identity) (string, error) {
	commits, err := r.git.commits("--no-merges", base+".."+head)
	if err != nil {
		return "", err
	}
	at, err := r.git.commit(base)
	if err != nil {
		return "", err
	}
	for i := len(commits) - 1; i >= 0; i-- {
		picked := commits[i]
		standIn, err := r.git.commitTree(at.Tree, "stand-in\n", who, who, picked.Parents...)
		if err != nil {
			return "", err
		}
		tree, clean, err := r.git.mergeTree(standIn, picked.ID)
		if err != nil {
			return "", err
		}
		if !clean {
			return "", notMergeable("This branch can't be rebased")
		}
		id, err := r.git.commitTree(tree, picked.Message+"\n", picked.Author, who, at.ID)
		if err != nil {
			return "", err
		}
		at = gitCommit{ID: id, Tree: tree}
	}
	return at.ID, nil
}

// markMerged closes a pull request whose commits are in its base.
func (s *Server) markMerged(r *repo, t *thread, id string, by *User) error {
	p := t.pull
	p.merged, p.mergedAt, p.mergedBy, p.mergeSHA = true, s.now(), by.Login, id
	t.State, t.ClosedAt, t.ClosedBy, t.UpdatedAt = "closed", s.now(), by.Login, s.now()
	return s.firePull(r, t, "closed", by, nil)
}
