package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/gitrepo"
	"github.com/towpath/towpath/internal/inbox"
	"github.com/towpath/towpath/internal/notify"
	"github.com/towpath/towpath/internal/registry"
	"github.com/towpath/towpath/internal/render"
	"github.com/towpath/towpath/internal/settings"
	"github.com/towpath/towpath/internal/webhook"
)

func serveCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve webhooks and promote",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := settings.Load(cmd.Flags(), environ)
			if err != nil {
				return usageError{err}
			}
			o, err := optionsOf(v)
			if err != nil {
				return usageError{err}
			}
			o.log = slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			listener, err := net.Listen("tcp", v.Get("listen"))
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "serving on http://%s\n", listener.Addr())
			return serve(cmd.Context(), listener, o)
		},
	}
	settings.AddFlags(cmd.Flags())
	return cmd
}

// options are what a bot runs with.
type options struct {
	forge           forge.Config
	registries      registry.Config
	secret          func(repository, name string) (string, bool) // of notifications
	webhookSecrets  [][]byte
	registrySecrets [][]byte
	systems         []webhook.System // outside ones
	dataDir         string
	sweepEvery      time.Duration
	now             func() time.Time
	after           func(time.Duration) <-chan time.Time
	log             *slog.Logger
}

// optionsOf checks the settings and makes them what the parts take.
func optionsOf(v *settings.Values) (options, error) {
	o := options{
		webhookSecrets:  v.Secrets("webhook-secret"),
		registrySecrets: v.Secrets("registry-secret"),
		systems:         systems(v),
		secret:          v.Secret,
		dataDir:         v.Get("data-dir"),
		sweepEvery:      10 * time.Minute,
		now:             time.Now,
		after:           time.After,
	}
	var unreachable, unreadable, unsafe error
	o.registries, unreadable = v.Registries()
	o.forge, unreachable = v.GitHub(settings.Surroundings{})
	if len(o.webhookSecrets) == 0 {
		unsafe = errors.New("no webhook secret: set TOWPATH_WEBHOOK_SECRET or TOWPATH_WEBHOOK_SECRET_FILE")
	}
	return o, errors.Join(unreadable, unsafe, unreachable)
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
	b := &bot{options: o}
	parts, err := settings.Wiring{
		GitHub: o.forge, Registries: o.registries, Notify: notify.Config{Secret: o.secret}, Later: b.later,
		Outside: (*outside)(b), DataDir: o.dataDir, Now: o.now, Log: o.log,
	}.Assemble()
	if err != nil {
		return nil, err
	}
	b.engine, b.mirrors, b.renderer = parts.Engine, parts.Mirrors, parts.Renderer
	b.missed = &redelivery{hub: parts.Hub, now: o.now, log: o.log}
	if b.inbox, err = inbox.Open(ctx, filepath.Join(o.dataDir, "inbox.db")); err != nil {
		return nil, err
	}
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

// later asks for a look. When the inbox can not take it, the sweep will.
func (b *bot) later(name string) {
	if err := b.inbox.Tick(context.Background(), name); err != nil {
		b.log.Error("not queued", "repo", name, "error", err)
	}
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
	call, err := kept(d.Call)
	if err != nil {
		return err
	}
	return s.inbox.Put(ctx, inbox.Delivery{
		ID: d.ID, Source: d.Source, Event: d.Event, Digest: d.Digest, Topics: topics, Received: d.Received, Call: call, CallFor: d.Call.Repository,
	})
}
