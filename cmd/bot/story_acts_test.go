package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/githubtest"
)

// actCommands are what people and outside systems do.
func actCommands() map[string]command {
	return acting(map[string]command{
		"branch":     (*world).branchAct,
		"check":      (*world).checkAct,
		"close":      (*world).closeAct,
		"reopen":     (*world).reopenAct,
		"pull":       (*world).pullAct,
		"comment":    (*world).commentAct,
		"deployment": (*world).deploymentAct,
		"drop":       (*world).dropAct,
		"fault":      (*world).faultAct,
		"finish":     (*world).finishAct,
		"image":      (*world).imageAct,
		"in":         (*world).inAct,
		"issue":      (*world).issueAct,
		"link":       (*world).linkAct,
		"tag":        (*world).tagAct,
		"merge":      (*world).mergeAct,
		"older": func(w *world, _ *story, _ []string) error {
			w.hub.TellNoRuns()
			return nil
		},
		"outside":    (*world).outsideAct,
		"permission": (*world).permissionAct,
		"private":    (*world).privateAct,
		"protect":    (*world).protectAct,
		"push":       (*world).pushAct,
		"race":       (*world).raceAct,
		"registry":   (*world).registryAct,
		"rename":     (*world).renameAct,
		"repo":       (*world).repoAct,
		"revert":     (*world).revertAct,
		"review":     (*world).reviewAct,
		"api":        (*world).apiAct,
		"status":     (*world).statusAct,
		"undecided":  (*world).undecidedAct,
		"workflow":   (*world).workflowAct,
	})
}

// acting makes every act begin when everything before it has settled, one second
// later.
func acting(out map[string]command) map[string]command {
	for name, run := range out {
		out[name] = func(w *world, s *story, args []string) error {
			if err := w.act(); err != nil {
				return err
			}
			return run(w, s, args)
		}
	}
	return out
}

func usage(text string) error { return errors.New("usage: " + text) }

// option takes a word of the form -name out of the arguments.
func option(args []string, name string) ([]string, bool) {
	if i := slices.Index(args, name); i >= 0 {
		return slices.Delete(slices.Clone(args), i, i+1), true
	}
	return args, false
}

// or returns the n-th argument, or a standard one.
func or(args []string, n int, standard string) string {
	if n < len(args) {
		return args[n]
	}
	return standard
}

func (w *world) repoAct(s *story, args []string) error {
	if len(args) == 0 {
		return usage("repo acme/app [dir]")
	}
	base := path.Base(args[0])
	name, err := w.addRepository(base, os.DirFS(s.MkAbs(or(args, 1, base))))
	w.repo, w.latest = name, name
	return err
}

func (w *world) renameAct(_ *story, args []string) error {
	if len(args) != 2 {
		return usage("rename acme/app other")
	}
	return w.hub.Rename(args[0], args[1])
}

// imageAct pushes an image whose bytes follow from its name, its tag and its
// build alone.
func (w *world) imageAct(s *story, args []string) error {
	args, quiet := option(args, "-no-event")
	if len(args) < 3 {
		return usage("image push|delete|tell acme/app 1.0.0 [build] [-no-event]")
	}
	ctx, repository, tag := context.Background(), args[1], args[2]
	switch args[0] {
	case "delete":
		ref, err := name.NewTag(w.registry.Addr().String() + "/" + repository + ":" + tag)
		if err != nil {
			return err
		}
		return remote.Delete(ref)
	case "tell":
		return w.tell(ctx, repository, tag, or(args, 3, ""))
	}
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(repository + ":" + tag + or(args, 3, ""))) // a hash takes everything
	image, err := newImage(int64(seed.Sum64()), w.clock.Now().UTC())
	if err != nil {
		return err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	file = file.DeepCopy()
	file.Config.Labels = map[string]string{"org.opencontainers.image.revision": fmt.Sprintf("%016x%024d", seed.Sum64(), 0)}
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return err
	}
	digest, err := w.pushImage(ctx, image, repository, tag)
	if err != nil {
		return err
	}
	w.images[digest] = tag + or(args, 3, "")
	if quiet || w.running == nil {
		return nil
	}
	return w.tell(ctx, repository, tag, digest)
}

func (w *world) registryAct(_ *story, args []string) error {
	w.imagesDown.Store(or(args, 0, "") == "down")
	w.imagesKept.Store(or(args, 0, "") == "readonly")
	return nil
}

// pull finds a pull request by its number, or the open one to a branch.
func (w *world) pull(what string) (githubtest.Pull, error) {
	for _, p := range slices.Backward(w.hub.Pulls(w.repo)) {
		if what == strconv.Itoa(p.Number) || what == p.Base && p.State == "open" && strings.HasPrefix(p.Head, "towpath/") {
			return p, nil
		}
	}
	return githubtest.Pull{}, fmt.Errorf("there is no pull request %s", what)
}

// number finds the number of an issue or a pull request.
func (w *world) number(what string) (int, error) {
	if number, err := strconv.Atoi(what); err == nil {
		return number, nil
	}
	p, err := w.pull(what)
	return p.Number, err
}

func (w *world) mergeAct(_ *story, args []string) error {
	p, err := w.pull(or(args, 0, ""))
	if err != nil {
		return err
	}
	_, err = w.hub.Merge(w.repo, p.Number, or(args, 1, "merge"), or(args, 2, "you"))
	return err
}

func (w *world) closeAct(_ *story, args []string) error {
	repository, what := w.where(or(args, 0, ""))
	number, err := w.number(what)
	if err != nil {
		return err
	}
	return w.hub.Close(repository, number, or(args, 1, "you"))
}

func (w *world) reopenAct(_ *story, args []string) error {
	repository, what := w.where(or(args, 0, ""))
	number, err := strconv.Atoi(what)
	if err != nil {
		return usage("reopen [acme/other:]1 [user]")
	}
	return w.hub.Reopen(repository, number, or(args, 1, "you"))
}

// where is the repository that a word means: that before its colon, or the
// story's.
func (w *world) where(word string) (repository, what string) {
	if repository, what, elsewhere := strings.Cut(word, ":"); elsewhere {
		return repository, what
	}
	return w.repo, word
}

func (w *world) pullAct(_ *story, args []string) error {
	args, fork := option(args, "-fork")
	if len(args) < 2 {
		return usage("pull [-fork] [acme/other:]head base [user]")
	}
	repository, head := w.where(args[0])
	if fork {
		return w.hub.OpenForkPull(repository, head, args[1], "Mine", or(args, 2, "you"))
	}
	_, err := w.hub.OpenPull(repository, head, args[1], "Mine", "", or(args, 2, "you"))
	return err
}

func (w *world) commentAct(_ *story, args []string) error {
	if len(args) != 3 {
		return usage("comment 1|stage/test you '/status'")
	}
	number, err := w.number(args[0])
	if err != nil {
		return err
	}
	_, err = w.hub.Comment(w.repo, number, args[1], w.spoken(args[2]))
	return err
}

func (w *world) issueAct(_ *story, args []string) error {
	_, err := w.hub.OpenIssue(w.repo, or(args, 0, ""), or(args, 1, ""), or(args, 2, "you"))
	return err
}

func (w *world) reviewAct(_ *story, args []string) error {
	p, err := w.pull(or(args, 0, ""))
	if err != nil {
		return err
	}
	return w.hub.Review(w.repo, p.Number, or(args, 1, "you"), or(args, 2, "APPROVED"))
}

func (w *world) statusAct(_ *story, args []string) error {
	if len(args) < 3 {
		return usage("status stage/test e2e success [user]")
	}
	repository, sha, err := w.anywhere(args[0])
	if err != nil {
		return err
	}
	return w.hub.SetStatus(repository, sha, args[1], args[2], or(args, 3, "ci"))
}

func (w *world) checkAct(_ *story, args []string) error {
	if len(args) < 3 {
		return usage("check stage/test e2e success [app]")
	}
	repository, sha, err := w.anywhere(args[0])
	if err != nil {
		return err
	}
	_, err = w.hub.CheckRun(repository, sha, args[1], args[2], or(args, 3, "github-actions"))
	return err
}

// anywhere resolves a revision of the repository, or acme/other:revision.
func (w *world) anywhere(what string) (repository, sha string, err error) {
	if other, revision, ok := strings.Cut(what, ":"); ok {
		before := w.repo
		w.repo = other
		defer func() { w.repo = before }()
		what = revision
	}
	sha, err = w.commit(what)
	return w.repo, sha, err
}

func (w *world) deploymentAct(_ *story, args []string) error {
	if len(args) < 3 {
		return usage("deployment stage/test production success [user]")
	}
	sha, err := w.commit(args[0])
	if err != nil {
		return err
	}
	return w.hub.Deployment(w.repo, sha, args[1], args[2], or(args, 3, "ci"))
}

func (w *world) workflowAct(_ *story, args []string) error {
	if len(args) < 3 {
		return usage("workflow stage/test .github/workflows/e2e.yml success")
	}
	sha, err := w.commit(args[0])
	if err != nil {
		return err
	}
	_, err = w.hub.WorkflowRun(w.repo, githubtest.WorkflowRun{
		Workflow: args[1], Name: path.Base(args[1]), Branch: args[0], SHA: sha, Conclusion: args[2], Actor: "ci",
	})
	return err
}

func (w *world) permissionAct(_ *story, args []string) error {
	if len(args) != 2 {
		return usage("permission octo write")
	}
	return w.hub.SetPermission(w.repo, args[0], args[1])
}

func (w *world) protectAct(_ *story, args []string) error {
	p := githubtest.Protection{}
	for _, word := range args[min(1, len(args)):] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "approvals":
			p.Approvals, _ = strconv.Atoi(value)
		case "checks":
			p.Checks = strings.Split(value, ",")
		case "bypass":
			p.Bypass = strings.Split(value, ",")
		case "strict":
			p.Strict = true
		default:
			return usage("protect stage/test [approvals=n] [checks=a,b] [bypass=login,…] [strict]; nothing more takes it away")
		}
	}
	return w.hub.SetProtection(w.repo, or(args, 0, "main"), p)
}

func (w *world) undecidedAct(_ *story, args []string) error {
	p, err := w.pull(or(args, 0, ""))
	if err != nil {
		return err
	}
	return w.hub.SetUndecided(w.repo, p.Number, or(args, 1, "yes") == "yes")
}

// pushAct commits files as a person with a clone does: path=file takes a file of
// the story, path= deletes.
func (w *world) pushAct(s *story, args []string) error {
	if len(args) < 4 {
		return usage("push stage/test you 'message' path=file|path=…")
	}
	files := map[string]*string{}
	for _, word := range args[3:] {
		to, from, _ := strings.Cut(word, "=")
		if from == "" {
			files[to] = nil
			continue
		}
		text, err := w.filled(s.ReadFile(from))
		if err != nil {
			return err
		}
		files[to] = &text
	}
	repository, branch, elsewhere := strings.Cut(args[0], ":")
	if !elsewhere {
		repository, branch = w.repo, args[0]
	}
	_, err := w.hub.Push(repository, branch, args[2], args[1], files)
	return err
}

// revertAct brings back the tree of an earlier commit, by default the one before
// the head, as the revert button does.
func (w *world) revertAct(_ *story, args []string) error {
	branch := or(args, 0, "")
	to := or(args, 2, branch+"~1")
	files := map[string]*string{}
	now, err := w.hub.Files(w.repo, branch)
	if err != nil {
		return err
	}
	for _, file := range now {
		files[file] = nil
	}
	commit, err := w.commit(to)
	if err != nil {
		return err
	}
	before, err := w.hub.Files(w.repo, commit)
	if err != nil {
		return err
	}
	for _, file := range before {
		text, err := w.hub.ReadFile(w.repo, commit, file)
		if err != nil {
			return err
		}
		files[file] = &text
	}
	_, err = w.hub.Push(w.repo, branch, "Revert", or(args, 1, "you"), files)
	return err
}

// branchAct moves a branch by force, makes it, or deletes it.
func (w *world) branchAct(_ *story, args []string) error {
	commit := ""
	if len(args) > 1 {
		var err error
		if commit, err = w.commit(args[1]); err != nil {
			return err
		}
	}
	return w.hub.SetBranch(w.repo, or(args, 0, ""), commit, or(args, 2, "you"))
}
