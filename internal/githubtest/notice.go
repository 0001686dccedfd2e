package githubtest

import (
	"maps"
	"slices"
	"strings"
)

// notice compares a repository's refs with what was last known and does what
// GitHub does about each that moved: push events, pull requests that get a new
// head, and pull requests that are merged or have lost a side. It is called
// after everything that may have moved a ref, so that nobody else has to think
// of it.
func (s *Server) notice(r *repo, by *User) error {
	now, err := r.git.refs()
	if err != nil {
		return err
	}
	before := r.refs
	names := maps.Clone(before)
	maps.Copy(names, now)
	r.refs = now
	var moved []move
	for _, name := range sortedKeys(names) {
		if before[name] != now[name] {
			moved = append(moved, move{ref: name, old: or(before[name], noCommit), new: or(now[name], noCommit)})
		}
	}
	if len(moved) > 0 {
		r.pushed = s.now()
	}
	for _, m := range moved {
		if err := s.firePush(r, m, by); err != nil {
			return err
		}
	}
	return s.followPulls(r, moved, by)
}

// move is a ref that was made, moved or deleted; noCommit is nowhere.
type move struct{ ref, old, new string }

// followPulls brings the open pull requests after refs that moved: heads
// first, so that one push of head and base counts as a merge.
func (s *Server) followPulls(r *repo, moved []move, by *User) error {
	to := map[string]string{}
	for _, m := range moved {
		if branch, isBranch := cutBranch(m.ref); isBranch {
			to[branch] = m.new
		}
	}
	var touched []*thread
	for _, t := range r.pulls() {
		if t.State != "open" {
			continue
		}
		head, headMoved := to[t.pull.Head]
		base, baseMoved := to[t.pull.Base]
		if t.pull.Fork != "" {
			head, headMoved = "", false // a branch of that name here is another one
		}
		if head == noCommit || base == noCommit {
			if err := s.setState(r, t, "closed", by); err != nil {
				return err
			}
			continue
		}
		if headMoved {
			old := t.pull.HeadSHA
			if err := s.moveHead(r, t, head); err != nil {
				return err
			}
			t.pull.BaseSHA = or(r.refs["refs/heads/"+t.pull.Base], t.pull.BaseSHA)
			if err := s.firePull(r, t, "synchronize", by, object{"before": old, "after": head}); err != nil {
				return err
			}
		}
		if headMoved || baseMoved {
			touched = append(touched, t)
		}
	}
	for _, t := range touched {
		base := r.refs["refs/heads/"+t.pull.Base]
		contained, err := r.git.contains(base, t.pull.HeadSHA)
		if err != nil {
			return err
		}
		if !contained {
			continue
		}
		// Nothing is left to merge: merged when the base came to the head,
		// closed when the head went back into the base.
		if _, baseMoved := to[t.pull.Base]; baseMoved {
			err = s.markMerged(r, t, t.pull.HeadSHA, by)
		} else {
			err = s.setState(r, t, "closed", by)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveHead gives a pull request another head, and moves refs/pull/N/head.
func (s *Server) moveHead(r *repo, t *thread, to string) error {
	if t.pull.HeadSHA == to {
		return nil
	}
	if err := r.git.updateRef(pullRef(t), to, t.pull.HeadSHA); err != nil {
		return err
	}
	t.pull.HeadSHA, t.UpdatedAt = to, s.now()
	return nil
}

// maxPushCommits is how many commits a push event lists at most.
const maxPushCommits = 20

// heard says whether any App wants to hear of a repository: finding out what a
// push event says takes half a dozen git commands.
func (s *Server) heard(r *repo) bool {
	for _, a := range s.apps {
		for _, inst := range a.installs {
			if a.WebhookURL != "" && inst.repos[r.id] {
				return true
			}
		}
	}
	return false
}

func (s *Server) firePush(r *repo, m move, by *User) error {
	if !s.heard(r) {
		return nil
	}
	body := object{"ref": m.ref, "before": m.old, "after": m.new, "created": m.old == noCommit, "deleted": m.new == noCommit,
		"forced": false, "base_ref": nil, "commits": []object{}, "head_commit": nil,
		"compare": s.repoPageURL(r) + "/compare/" + m.old[:12] + "..." + m.new[:12],
		"pusher":  object{"name": by.Login, "email": s.identity(by).Email}}
	target, err := r.git.resolve(m.new) // a tag may be of something else than a commit
	if err != nil {
		return err
	}
	if target != "" {
		args := []string{"-n", "20", m.new}
		if m.old != noCommit {
			args = append(args, "^"+m.old)
			contained, err := r.git.contains(m.new, m.old)
			if err != nil {
				return err
			}
			body["forced"] = !contained
		} else if base := r.refs["refs/heads/"+r.branch]; base != "" && base != m.new {
			args = append(args, "^"+base)
		}
		commits, err := r.git.commits(args...)
		if err != nil {
			return err
		}
		listed := []object{}
		for _, commit := range slices.Backward(commits[:min(len(commits), maxPushCommits)]) {
			one, err := s.pushCommit(r, commit)
			if err != nil {
				return err
			}
			listed = append(listed, one)
		}
		head, err := r.git.commit(m.new)
		if err != nil {
			return err
		}
		body["commits"] = listed
		if body["head_commit"], err = s.pushCommit(r, head); err != nil {
			return err
		}
	}
	return s.fire(r, "push", by, body)
}

// pushCommit is a commit as part of a push event, with the paths it touched.
func (s *Server) pushCommit(r *repo, commit gitCommit) (object, error) {
	parent := emptyTree
	if len(commit.Parents) > 0 {
		parent = commit.Parents[0]
	}
	files, err := r.git.diff(parent, commit.ID)
	if err != nil {
		return nil, err
	}
	paths := map[string][]string{"added": {}, "removed": {}, "modified": {}}
	for _, f := range files {
		paths[f.Status] = append(paths[f.Status], f.Path)
	}
	body := simpleCommit(commit)
	return with(body, object{"distinct": true, "url": s.repoPageURL(r) + "/commit/" + commit.ID,
		"added": paths["added"], "removed": paths["removed"], "modified": paths["modified"]}), nil
}

func cutBranch(ref string) (name string, isBranch bool) { return strings.CutPrefix(ref, "refs/heads/") }
