package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/inbox"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/render"
	"github.com/towpath/towpath/internal/webhook"
)

func serveCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve webhooks and promote",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := load(cmd.Flags(), environ)
			if err != nil {
				return usageError{err}
			}
			o, err := v.options()
			if err != nil {
				return usageError{err}
			}
			o.log = slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			listener, err := net.Listen("tcp", v.byName["listen"])
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "serving on http://%s\n", listener.Addr())
			return serve(cmd.Context(), listener, o)
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

// options are what a bot runs with.
type options struct {
	forge           forge.Config
	registries      registry.Config
	webhookSecrets  [][]byte
	registrySecrets [][]byte
	dataDir         string
	sweepEvery      time.Duration
	now             func() time.Time
	after           func(time.Duration) <-chan time.Time
	log             *slog.Logger
}

// options checks the settings and makes them what the parts take.
func (v *values) options() (options, error) {
	o := options{
		forge:           forge.Config{URL: v.byName["github-url"], APIURL: v.byName["github-api-url"], Token: v.byName["github-token"]},
		webhookSecrets:  secrets(v.byName["webhook-secret"]),
		registrySecrets: secrets(v.byName["registry-secret"]),
		dataDir:         v.byName["data-dir"],
		sweepEvery:      10 * time.Minute,
		now:             time.Now,
		after:           time.After,
	}
	var err error
	var problems []error
	if o.registries, err = v.registries(); err != nil {
		problems = append(problems, err)
	}
	if len(o.webhookSecrets) == 0 {
		problems = append(problems, errors.New("no webhook secret: set TOWPATH_WEBHOOK_SECRET or TOWPATH_WEBHOOK_SECRET_FILE"))
	}
	id, key := v.byName["github-app-id"], v.byName["github-private-key"]
	switch {
	case o.forge.Token != "" && (id != "" || key != ""):
		problems = append(problems, errors.New("both a token and an App are set: give one of them"))
	case o.forge.Token == "" && (id == "" || key == ""):
		problems = append(problems, errors.New("no access to GitHub: set TOWPATH_GITHUB_APP_ID and TOWPATH_GITHUB_PRIVATE_KEY, or TOWPATH_GITHUB_TOKEN for trying out"))
	}
	if id != "" {
		number, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			problems = append(problems, fmt.Errorf("TOWPATH_GITHUB_APP_ID %q is not a number", id))
		}
		o.forge.AppID, o.forge.PrivateKey = number, []byte(key)
	}
	return o, errors.Join(problems...)
}

func secrets(lines string) [][]byte {
	var out [][]byte
	for line := range strings.Lines(lines) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			out = append(out, []byte(line))
		}
	}
	return out
}

// serve runs a bot until ctx ends.
func serve(ctx context.Context, listener net.Listener, o options) error {
	b, err := newBot(ctx, o)
	if err != nil {
		return err
	}
	if err := b.renderer.Warm(); err != nil {
		return errors.Join(err, b.inbox.Close())
	}
	return b.serve(ctx, listener)
}

// bot is everything that works together in one process.
type bot struct {
	options
	inbox    *inbox.Inbox
	engine   *engine.Engine
	mirrors  *gitrepo.Mirrors
	renderer *render.Pool
	missed   *redelivery
	metrics  *metrics
	handler  http.Handler
}

// newBot opens the data folder and wires the parts. Nothing runs yet.
func newBot(ctx context.Context, o options) (*bot, error) {
	o.forge.Logger, o.forge.Clock = o.log, o.now
	hub, err := forge.New(o.forge)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	mirrors, err := gitrepo.NewMirrors(filepath.Join(o.dataDir, "git"), nil)
	if err != nil {
		return nil, err
	}
	b := &bot{options: o, mirrors: mirrors, renderer: render.NewPool(render.Limits{}), missed: &redelivery{hub: hub, now: o.now, log: o.log}}
	rendered, err := render.NewCache(b.renderer, filepath.Join(o.dataDir, "renders"))
	if err != nil {
		return nil, err
	}
	if b.inbox, err = inbox.Open(ctx, filepath.Join(o.dataDir, "inbox.db")); err != nil {
		return nil, err
	}
	b.engine = engine.New(engine.Config{
		Forge: hub, Git: mirrors, Renderer: rendered, Now: o.now, Log: o.log,
		Registry: registry.New(o.registries),
	})
	b.metrics = newMetrics(b.inbox)
	if b.handler, err = routes(b); err != nil {
		return nil, errors.Join(err, b.inbox.Close())
	}
	return b, nil
}

// serve serves and looks until ctx ends. Accepted work is then finished, or left
// whole for the next start.
func (b *bot) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: b.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		return b.inbox.Run(ctx, inbox.Config{
			Look: b.metrics.timed(b.engine.Look), Resolve: b.engine.Resolve, Sweep: b.sweep, SweepEvery: b.sweepEvery,
			Now: b.now, After: b.after, Logger: b.log,
		})
	})
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(stopping)
	})
	defer b.renderer.Close()
	return errors.Join(group.Wait(), b.inbox.Close())
}

// mirrorBytes bounds the mirrors on disk. What is removed is fetched again when it
// is needed, so a small number costs time and nothing else.
const mirrorBytes = 4 << 30

// sweep lists every repository to look at, asks for what never came, and clears
// mirrors that nobody used for long away.
func (b *bot) sweep(ctx context.Context) ([]string, error) {
	b.missed.ask(ctx)
	if err := b.mirrors.Clean(mirrorBytes); err != nil {
		b.log.Error("mirrors are not cleaned", "error", err)
	}
	return b.engine.Repositories(ctx)
}

// store hands verified deliveries to the inbox.
type store struct {
	inbox   *inbox.Inbox
	metrics *metrics
	expect  func(repository, ref, commit string)
}

func (s store) Put(ctx context.Context, d webhook.Delivery) error {
	topics := make([]string, len(d.Topics))
	for i, t := range d.Topics {
		topics[i] = string(t)
	}
	if d.Head.Commit != "" {
		s.expect(d.Head.Repository, d.Head.Ref, d.Head.Commit)
	}
	s.metrics.deliveries.WithLabelValues(d.Source).Inc()
	return s.inbox.Put(ctx, inbox.Delivery{ID: d.ID, Source: d.Source, Event: d.Event, Digest: d.Digest, Topics: topics, Received: d.Received})
}
