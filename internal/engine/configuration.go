package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/config"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/promote"
)

// configuration is the parsed configuration at a commit.
type configuration struct {
	commit   string
	branch   string    // the default branch, which policies name
	folder   string    // id of its .towpath folder; empty where there is none
	touched  string    // the last commit that changed .towpath, where people look for what waits (P5); see date
	since    time.Time // when that was
	parsed   *config.Config
	mistakes config.Mistakes
	outside  bool // files beside the folder have a say
	settled  bool // no issue is open that this configuration has no use for
}

// readConfig parses the configuration at the head of the default branch, once
// for as long as it stays the same.
func (l *look) readConfig(ctx context.Context) error {
	commit := l.refs[heads+l.branch]
	l.mu.Lock()
	known := l.configs[l.name]
	l.mu.Unlock()
	if known != nil && known.branch != l.branch {
		known = nil
	}
	if known != nil && known.commit == commit {
		l.config = known
		return nil
	}
	c := &configuration{commit: commit, branch: l.branch, parsed: &config.Config{}}
	if commit != "" {
		tree, err := l.git.Tree(ctx, commit)
		if err != nil {
			return fmt.Errorf("read configuration commit: %w", err)
		}
		if err := l.parse(c, known, tree); err != nil {
			return err
		}
	}
	l.config = c
	l.mu.Lock()
	defer l.mu.Unlock()
	l.configs[l.name] = c
	l.topics[strings.ToLower(l.name)] = c.topics()
	return nil
}

// parse fills in what a tree configures. With the same folder as before that is
// known, unless files outside of it have a say.
func (l *look) parse(c, known *configuration, tree *gitrepo.Tree) error {
	if info, err := tree.Lstat(".towpath"); err == nil {
		c.folder = gitID(info)
	}
	if known != nil && known.folder == c.folder && !known.outside {
		commit := c.commit
		*c = *known
		c.commit = commit
		return nil
	}
	links, err := hasLinks(tree, ".towpath")
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	pipelines, policy, err := config.Read(tree)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if known != nil && known.folder == c.folder {
		c.touched, c.since = known.touched, known.since
	}
	outside := &noticing{FS: tree}
	c.parsed, c.mistakes = config.Parse(pipelines, policy, config.Context{Repository: l.name, DefaultBranch: l.branch, Tree: outside})
	c.outside = outside.opened || links
	return nil
}

// hasLinks tells whether something in a folder, or the folder itself, is a link:
// then its id does not say what reading it gives.
func hasLinks(tree *gitrepo.Tree, folder string) (bool, error) {
	found := false
	err := fs.WalkDir(tree, folder, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found = found || err == nil && entry.Type()&fs.ModeSymlink != 0
		return err
	})
	if info, failed := tree.Lstat(folder); failed == nil {
		found = found || info.Mode()&fs.ModeSymlink != 0
	}
	return found, err
}

// noticing is a tree that knows whether anybody looked into it.
type noticing struct {
	fs.FS
	opened bool
}

func (n *noticing) Open(name string) (fs.File, error) {
	n.opened = true
	return n.FS.Open(name)
}

// date asks for the last commit that changed the configuration, once for as long
// as it stays the same. Reading does not wait for it.
func (l *look) date(ctx context.Context) error {
	if l.config.touched != "" || l.config.folder == "" {
		return nil
	}
	touched, since, err := l.repo.LastCommit(ctx, l.config.commit, ".towpath")
	if err == nil {
		l.note(func(c *configuration) { c.touched, c.since = touched, since })
	}
	return err
}

// note keeps what was found out about the configuration for the next look as well:
// this one may have a copy, with the policies of other repositories.
func (l *look) note(found func(*configuration)) {
	found(l.config)
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.configs[l.name]; known != nil && known.commit == l.config.commit {
		found(known)
	}
}

// shared are the stages of a pipeline of which another one has a namesake.
func (c *configuration) shared(p config.Pipeline) map[string]bool {
	out := map[string]bool{}
	for _, other := range c.parsed.Pipelines {
		for _, s := range other.Stages {
			if _, too := p.Stage(s.Name); too && other.Name != p.Name {
				out[s.Name] = true
			}
		}
	}
	return out
}

// topics are what deliveries may name that this configuration listens to.
func (c *configuration) topics() []string {
	var out []string
	for _, p := range c.parsed.Pipelines {
		for _, s := range p.Stages { // what happens where it writes
			if p.Elsewhere(s) {
				out = append(out, "repo:"+s.Target.Repository)
			}
		}
		for _, w := range p.Warehouses {
			for _, s := range w.Images {
				out = append(out, "image:"+strings.ToLower(s.Repository))
				for _, channel := range s.Channels { // whose pull requests are closed some day
					out = append(out, "repo:"+promote.NormaliseRepository(channel.Repository))
				}
			}
			for _, s := range w.Charts { // a registry tells of a chart as of any image
				if repository, ok := strings.CutPrefix(s.Repository, "oci://"); ok {
					out = append(out, "image:"+strings.ToLower(repository))
				}
			}
			for _, s := range w.Gits {
				out = append(out, "repo:"+promote.NormaliseRepository(s.Repository))
			}
		}
		for _, s := range p.Stages {
			for _, g := range s.Gates {
				if g.At != nil {
					out = append(out, "repo:"+g.At.Repository)
				}
				if g.Dispatch != nil && g.Dispatch.Repository != "" {
					out = append(out, "repo:"+g.Dispatch.Repository)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
