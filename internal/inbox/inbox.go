// Package inbox keeps deliveries and ticks durable: what came in is looked at,
// also after the process was killed, one repository at a time.
//
// It knows topics and repositories as opaque names, and when to look. What a
// topic means, which repositories listen to it and what a look does is handed in
// with Config; nothing that a delivery said reaches a look, but for calls that
// can not be asked for again, which a look takes out of here.
//
// The queue is River on SQLite. A tick is a job without payload but its name, at
// most one per name, so that events which come together cost one look.
package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// Delivery is one verified delivery.
type Delivery struct {
	ID       string // unique; what is put twice under one ID has one effect
	Source   string
	Event    string
	Digest   string    // of the body, for whoever reads the table
	Topics   []string  // what may have changed
	Received time.Time // it is forgotten a week later
	// Call is what a delivery says that can not be asked for again, for whoever
	// looks at the repository CallFor; empty: nothing. It is kept until [Inbox.Done].
	Call    []byte
	CallFor string
}

// Call is what a delivery said.
type Call struct {
	ID   string // of the delivery
	Body []byte
}

// Inbox is one open inbox. Its methods may be used in parallel.
type Inbox struct {
	db     *sql.DB
	driver *driver
	queue  *river.Client[*sql.Tx] // inserts only; Run starts another that works

	rearm chan struct{} // a wake may have become the earliest
	swept chan struct{} // closed when Run's first sweep is through

	mu      sync.Mutex
	settled chan struct{} // closed and replaced whenever a tick ended
}

// Open opens the inbox in the file at path and creates or migrates it. The file
// belongs to one process: while another one has it open, Open fails after some
// seconds. Ticks that a killed process had in its hands are available again.
// Close the inbox after Run has returned.
func Open(ctx context.Context, path string) (*Inbox, error) {
	return open(ctx, path, handover)
}

func open(ctx context.Context, path string, busy time.Duration) (*Inbox, error) {
	db, err := openSQLite(path, busy)
	if err != nil {
		return nil, fmt.Errorf("open inbox %s: %w", path, err)
	}
	i := &Inbox{
		db:      db,
		driver:  newDriver(db),
		rearm:   make(chan struct{}, 1),
		swept:   make(chan struct{}),
		settled: make(chan struct{}),
	}
	if err := migrate(ctx, db, i.driver); err != nil {
		_ = db.Close() // the first error is the one to tell
		return nil, fmt.Errorf("open inbox %s: %w", path, err)
	}
	if i.queue, err = river.NewClient(i.driver, &river.Config{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open inbox %s: %w", path, err)
	}
	return i, nil
}

// Close closes the file.
func (i *Inbox) Close() error { return i.db.Close() }

// Put keeps a delivery and a tick for each of its topics, in one transaction; it
// returns nil only when both are on the disk. A delivery whose ID is known is
// ignored.
func (i *Inbox) Put(ctx context.Context, d Delivery) error {
	err := i.update(ctx, func(tx *sql.Tx) error {
		isNew, err := insertDelivery(ctx, tx, d)
		if err != nil || !isNew {
			return err
		}
		if len(d.Call) > 0 {
			if err := insertCall(ctx, tx, d); err != nil {
				return err
			}
		}
		for _, topic := range d.Topics {
			if err := i.tick(ctx, tx, resolveArgs{Topic: topic}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put delivery %s: %w", d.ID, err)
	}
	return nil
}

// Wake asks for a look at a repository at a time, durably and without any event.
// A repository has one wake: the earlier of two stays, and a look replaces the
// one that was there when it began.
func (i *Inbox) Wake(ctx context.Context, repository string, at time.Time) error {
	err := i.update(ctx, func(tx *sql.Tx) error { return upsertWake(ctx, tx, repository, at) })
	if err != nil {
		return fmt.Errorf("set wake of %s: %w", repository, err)
	}
	poke(i.rearm)
	return nil
}

// Tick asks for a look at a repository now, durably and without any event.
func (i *Inbox) Tick(ctx context.Context, repository string) error {
	err := i.update(ctx, func(tx *sql.Tx) error { return i.tick(ctx, tx, lookArgs{Repository: repository}) })
	if err != nil {
		return fmt.Errorf("tick %s: %w", repository, err)
	}
	return nil
}

// Calls returns what was said about a repository and is not done yet, in the order
// in which it came.
func (i *Inbox) Calls(ctx context.Context, repository string) ([]Call, error) {
	calls, err := selectCalls(ctx, i.db, repository)
	if err != nil {
		return nil, fmt.Errorf("read calls for %s: %w", repository, err)
	}
	return calls, nil
}

// Done forgets calls. What is never done is forgotten with its delivery.
func (i *Inbox) Done(ctx context.Context, ids []string) error {
	err := i.update(ctx, func(tx *sql.Tx) error { return deleteCalls(ctx, tx, ids) })
	if err != nil {
		return fmt.Errorf("forget calls: %w", err)
	}
	return nil
}

// Depth returns the number of ticks that are queued, running or waiting to be
// retried. Wakes are not counted.
func (i *Inbox) Depth(ctx context.Context) (int, error) {
	n, err := countTicks(ctx, i.db)
	if err != nil {
		return 0, fmt.Errorf("count ticks: %w", err)
	}
	return n, nil
}

// Idle blocks until Run's first sweep is through and nothing is queued, running
// or waiting to be retried.
func (i *Inbox) Idle(ctx context.Context) error {
	select {
	case <-i.swept:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		i.mu.Lock()
		settled := i.settled
		i.mu.Unlock()
		if n, err := i.Depth(ctx); err != nil || n == 0 {
			return err
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle tells Idle that a tick ended.
func (i *Inbox) settle() {
	i.mu.Lock()
	defer i.mu.Unlock()
	close(i.settled)
	i.settled = make(chan struct{})
}

// update runs f in a transaction and tells the workers that there may be ticks.
func (i *Inbox) update(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := i.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	poke(i.driver.ticks)
	return nil
}

// poke leaves one signal, unless there is one already.
func poke(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
