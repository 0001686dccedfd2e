package commandline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/notify"
	"github.com/towpath/towpath/internal/settings"
)

// connection is how a command reaches a repository on GitHub.
type connection struct {
	Command
	repo    string
	verbose bool
	writes  bool           // the command does, and so tells people
	outside engine.Outside // what gates of the command's own came to; nil: it has none
}

// addFlags adds what says where GitHub and the repository are.
func (c *connection) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.repo, "repo", "", "`owner/name`, or a folder of a clone; by default GITHUB_REPOSITORY, else the clone that this is")
	cmd.Flags().BoolVar(&c.verbose, "verbose", false, "tell on the standard error what is asked and done")
	settings.AddFlags(cmd.Flags(), "github-url", "github-api-url", "github-app-id", "github-private-key", "github-token", "registry-docker-config-for", "chart-hosts")
}

// workbench is an engine that lives as long as one command.
type workbench struct {
	*settings.Parts
	repository string // owner/name
	dir        string // what was read; it goes with the command
	doing      func(string)
	later      []string // what else is to be done before the command ends, see engine.Config
}

func (b *workbench) close() {
	b.Renderer.Close()
	_ = os.RemoveAll(b.dir) // a folder of the system's for what is temporary
}

// open makes an engine for the repository that is meant. It asks nobody anything.
func (c *connection) open(cmd *cobra.Command) (*workbench, error) {
	v, err := settings.Load(cmd.Flags(), c.Environ)
	if err != nil {
		return nil, usageError{err}
	}
	hub, err := v.GitHub(settings.Surroundings{
		URL: c.getenv("GITHUB_SERVER_URL"), APIURL: c.getenv("GITHUB_API_URL"), Token: cmp.Or(c.getenv("GH_TOKEN"), c.getenv("GITHUB_TOKEN")),
	})
	if err != nil {
		return nil, usageError{fmt.Errorf("%w; GH_TOKEN and GITHUB_TOKEN are taken as well", err)}
	}
	hub.Pace = c.Pace
	registries, err := v.Registries()
	if err != nil {
		return nil, usageError{err}
	}
	repository, err := c.repository(hub)
	if err != nil {
		return nil, usageError{err}
	}
	dir, err := os.MkdirTemp("", "towpath-")
	if err != nil {
		return nil, err
	}
	level := slog.LevelError // what a look warns of is in what it says
	if c.verbose {
		level = slog.LevelInfo
	}
	wiring := settings.Wiring{
		GitHub: hub, Registries: registries, DataDir: dir, Now: c.Now, Doing: c.progress.say, Outside: c.outside,
		Log: slog.New(slog.NewTextHandler(c.Stderr, &slog.HandlerOptions{Level: level})),
	}
	bench := &workbench{repository: repository, dir: dir, doing: c.progress.say}
	if c.writes {
		wiring.Notify = notify.Config{Secret: v.Secret}
		wiring.Later = func(name string) { bench.later = append(bench.later, name) }
	}
	parts, err := wiring.Assemble()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	bench.Parts = parts
	return bench, nil
}

// maxLater bounds what is done after a look: what fails comes again and again.
const maxLater = 20

// finish does what a look left for later, people to be told and images to be copied,
// and writes down that it was done.
func (b *workbench) finish(ctx context.Context) error {
	if len(b.later) == 0 {
		return nil
	}
	b.doing("telling people, copying images")
	for n := 0; n < maxLater && len(b.later) > 0; n++ {
		name := b.later[0]
		b.later = b.later[1:]
		if _, err := b.Engine.Look(ctx, name); err != nil {
			return err
		}
	}
	_, err := b.Engine.Look(ctx, b.repository)
	return err
}

var fullName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)

// repository is the one that is meant: the one named, that of the workflow, or
// the one that the clone comes from. A folder that is there is a clone.
func (c *connection) repository(hub forge.Config) (string, error) {
	if c.repo == "" {
		if name := c.getenv("GITHUB_REPOSITORY"); name != "" {
			return name, nil
		}
	}
	dir := cmp.Or(c.repo, ".")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		if !fullName.MatchString(dir) {
			return "", fmt.Errorf("--repo %s is neither owner/name nor a folder", dir)
		}
		return dir, nil
	}
	dir = topOf(dir)
	clone, err := gitrepo.Open(dir)
	if err != nil {
		return "", fmt.Errorf("which repository is meant? --repo owner/name says so: %w", err)
	}
	address := clone.Remote("origin")
	if address == "" {
		return "", fmt.Errorf("the clone in %s has no remote `origin`: --repo owner/name says which repository is meant", dir)
	}
	host, name, ok := remoteName(address)
	if !ok {
		return "", fmt.Errorf("the remote `origin` of %s is no repository of GitHub's: --repo owner/name says which one is meant", dir)
	}
	if expected := hostOf(cmp.Or(hub.URL, hub.APIURL)); !strings.EqualFold(host, expected) {
		return "", fmt.Errorf("the remote `origin` of %s is at %s and GitHub is looked for at %s: --github-url says where it is, --repo owner/name which repository is meant",
			dir, host, expected)
	}
	return name, nil
}

// scpAddress is git's short form of an address: git@github.com:acme/app.git.
var scpAddress = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):([^/].*)$`)

// remoteName takes the address of a remote apart: the host, with the port of web
// addresses, and owner/name.
func remoteName(address string) (host, name string, ok bool) {
	path := ""
	if short := scpAddress.FindStringSubmatch(address); short != nil && !strings.Contains(address, "://") {
		host, path = short[1], short[2]
	} else if u, err := url.Parse(address); err == nil {
		host, path = u.Host, u.Path
		if strings.HasSuffix(u.Scheme, "ssh") {
			host = u.Hostname()
		}
	}
	name = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return strings.TrimPrefix(host, "ssh."), name, host != "" && fullName.MatchString(name)
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}
