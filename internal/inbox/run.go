package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

const (
	// lookWithin is far above any look; a tick that is taken for stuck well after
	// it is given to another worker.
	lookWithin = 10 * time.Minute
	stuckAfter = 20 * time.Minute

	// Ticks are fetched when something is inserted; polling serves the retries.
	fetchAtMostEvery  = 2 * time.Millisecond
	fetchAtLeastEvery = 250 * time.Millisecond

	// keepTicks and keepDeliveries are for whoever asks what happened. A delivery
	// must be known for the three days in which GitHub may send it again.
	keepTicks      = time.Hour
	keepDeliveries = 7 * 24 * time.Hour

	// longestNap bounds a timer, so that a clock that was set or a machine that
	// slept delays a wake by no more.
	longestNap = time.Minute

	// stopWithin is how soon a look must return when its context has ended.
	stopWithin = 10 * time.Second

	// retrySweep is the pause after a sweep that failed.
	retrySweep = time.Minute
)

// Config says what Run does with ticks. Look and Resolve are required.
type Config struct {
	// Look looks at a repository. At most one look at a repository runs at a time.
	// It returns when to look again without any event, or zero. After an error or
	// a panic it is called again, with growing pauses. When its context ends it
	// should return soon.
	Look func(ctx context.Context, repository string) (next time.Time, err error)
	// Resolve returns the repositories to look at for a topic; retried like Look.
	Resolve func(ctx context.Context, topic string) ([]string, error)
	// Sweep, if set, returns all repositories; they are looked at when Run starts
	// and every SweepEvery, if that is not zero.
	Sweep      func(ctx context.Context) ([]string, error)
	SweepEvery time.Duration

	Workers int                                  // ticks at a time; default 4
	Grace   time.Duration                        // for what is in flight when Run stops; default 20 s
	Now     func() time.Time                     // default time.Now
	After   func(time.Duration) <-chan time.Time // the timers of wakes and sweeps; default time.After
	Logger  *slog.Logger                         // default slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Grace == 0 {
		c.Grace = 20 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// run is one Run of an inbox.
type run struct {
	*Inbox
	Config
}

// Run works until ctx is cancelled. Then no tick is begun; those in flight have
// the grace period to finish, after which their contexts end. What has not
// finished is taken up by the next Run. Run may be called once per Inbox. The
// error says why Run could not start, or that a look did not stop.
func (i *Inbox) Run(ctx context.Context, config Config) error {
	if config.Look == nil || config.Resolve == nil {
		return errors.New("run inbox: Look and Resolve are required")
	}
	r := run{Inbox: i, Config: config.withDefaults()}
	client, err := r.client()
	if err != nil {
		return fmt.Errorf("run inbox: %w", err)
	}
	// River takes the end of a deadline for an error to try again, and only a
	// cancelled context for a stop.
	ctx, cancel := cancelledWith(ctx)
	defer cancel()
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("run inbox: %w", err)
	}
	var loops sync.WaitGroup
	loops.Go(func() { r.wakes(ctx) })
	loops.Go(func() { r.sweeps(ctx) })
	loops.Wait() // both end with ctx

	select {
	case <-client.Stopped():
		return nil
	case <-time.After(r.Grace + stopWithin):
		return errors.New("run inbox: a look goes on although its context has ended")
	}
}

// cancelledWith returns a context that is cancelled when ctx ends for any reason.
func cancelledWith(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	return out, func() { stop(); cancel() }
}

func (r run) client() (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(r.resolve))
	river.AddWorker(workers, river.WorkFunc(r.look))
	return river.NewClient(r.driver, &river.Config{
		CompletedJobRetentionPeriod: keepTicks,
		ErrorHandler:                failures{r.Logger},
		FetchCooldown:               fetchAtMostEvery,
		FetchPollInterval:           fetchAtLeastEvery,
		JobTimeout:                  lookWithin,
		Logger:                      slog.New(quiet{r.Logger.Handler()}),
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: r.Workers}},
		RescueStuckJobsAfter:        stuckAfter,
		RetryPolicy:                 backoff{},
		SoftStopTimeout:             r.Grace,
		Workers:                     workers,
	})
}

func (r run) resolve(ctx context.Context, job *river.Job[resolveArgs]) error {
	repositories, err := r.Resolve(ctx, job.Args.Topic)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", job.Args.Topic, err)
	}
	return end(ctx, r.Inbox, job, func(tx *sql.Tx) error { return r.tickAll(ctx, tx, repositories) })
}

func (r run) look(ctx context.Context, job *river.Job[lookArgs]) error {
	repository := job.Args.Repository
	// This look sees all that happened so far and says itself when to wake.
	err := r.update(ctx, func(tx *sql.Tx) error {
		if _, err := clearAgain(ctx, tx, job.ID); err != nil {
			return err
		}
		return deleteWake(ctx, tx, repository)
	})
	if err != nil {
		return fmt.Errorf("begin look at %s: %w", repository, err)
	}
	next, err := r.Look(ctx, repository)
	if err != nil {
		return fmt.Errorf("look at %s: %w", repository, err)
	}
	err = end(ctx, r.Inbox, job, func(tx *sql.Tx) error {
		if next.IsZero() {
			return nil
		}
		if now := r.Now(); !next.After(now) {
			next = now.Add(time.Second) // a look that asks for the past must not spin
		}
		return upsertWake(context.WithoutCancel(ctx), tx, repository, next)
	})
	poke(r.rearm)
	return err
}

func (r run) tickAll(ctx context.Context, tx *sql.Tx, repositories []string) error {
	for _, repository := range repositories {
		if err := r.tick(ctx, tx, lookArgs{Repository: repository}); err != nil {
			return err
		}
	}
	return nil
}

// wakes turns wakes into ticks when their time has come.
func (r run) wakes(ctx context.Context) {
	for ctx.Err() == nil {
		nap, err := r.wakeDue(ctx)
		if err != nil && ctx.Err() == nil {
			r.Logger.Error("wakes not read", "err", err)
		}
		select {
		case <-r.After(nap):
		case <-r.rearm:
		case <-ctx.Done():
		}
	}
}

// wakeDue returns how long there is nothing to do.
func (r run) wakeDue(ctx context.Context) (nap time.Duration, err error) {
	nap = longestNap
	err = r.update(ctx, func(tx *sql.Tx) error {
		now := r.Now()
		due, err := dueWakes(ctx, tx, now)
		if err != nil {
			return err
		}
		for _, repository := range due {
			if err := deleteWake(ctx, tx, repository); err != nil {
				return err
			}
		}
		if err := r.tickAll(ctx, tx, due); err != nil {
			return err
		}
		next, found, err := nextWake(ctx, tx)
		if found {
			nap = min(nap, next.Sub(now))
		}
		return err
	})
	return nap, err
}

// sweeps looks at everything, at the start and at intervals, and forgets old
// deliveries.
func (r run) sweeps(ctx context.Context) {
	var first sync.Once
	for ctx.Err() == nil {
		err := r.sweep(ctx)
		first.Do(func() { close(r.swept) })
		var next <-chan time.Time // nil: never
		switch {
		case err != nil && ctx.Err() == nil:
			r.Logger.Error("sweep failed", "err", err)
			next = r.After(retrySweep)
		case r.SweepEvery > 0:
			next = r.After(r.SweepEvery)
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

func (r run) sweep(ctx context.Context) error {
	var repositories []string
	if r.Sweep != nil {
		var err error
		if repositories, err = r.Sweep(ctx); err != nil {
			return err
		}
	}
	return r.update(ctx, func(tx *sql.Tx) error {
		if err := pruneDeliveries(ctx, tx, r.Now().Add(-keepDeliveries)); err != nil {
			return err
		}
		return r.tickAll(ctx, tx, repositories)
	})
}
