package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/forge"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// sighting is what a look saw, or why it could not.
type sighting struct {
	view     report.View
	err      error
	asked    bool          // for this stage, as people do
	answered bool          // and it was
	refused  string        // and why, if it was
	handled  chan struct{} // closed by the stage when it has gone on
}

// looks looks for all the stages that are on their way together: those that begin or
// change something while one look goes on share the next.
type looks struct {
	Options
	executor func(life context.Context) engine.Executor

	wanted chan struct{}
	awake  chan struct{} // there is somebody who waits now

	one   sync.Mutex // of a repository there is one look at a time
	mu    sync.Mutex
	lanes map[string]*lane             // on their way
	waits map[string]bool              // those that others have to do something for
	asks  map[string]map[string]string // freight by warehouse for those that whoever runs this asks for

	pushed []string        // branches, by all looks; to be read when no look goes on
	seen   *engine.Outlook // by the last one
}

func newLooks(o Options, executor func(life context.Context) engine.Executor) *looks {
	return &looks{Options: o, executor: executor, wanted: make(chan struct{}, 1), awake: make(chan struct{}, 1), lanes: map[string]*lane{}, waits: map[string]bool{}, asks: map[string]map[string]string{}, pushed: []string{}}
}

func (k *looks) join(l *lane) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lanes[l.key()] = l
}

func (k *looks) leave(l *lane) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.lanes, l.key())
	delete(k.waits, l.key())
	delete(k.asks, l.key())
}

// ask has looks ask for a stage as people do, with freight by warehouse; nil: no more.
func (k *looks) ask(l *lane, freight map[string]string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asks[l.key()] = freight
}

// wish is what the next look is to do for stages. It asks for one at most, so that its
// answer is about that: the first whose command does not go on.
func (k *looks) wish(ctx context.Context, lanes map[string]*lane) (wish *engine.Wish, asked string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	wish = &engine.Wish{By: k.By, Lanes: map[string]bool{}, Exec: k.executor(ctx)}
	for _, key := range slices.Sorted(maps.Keys(lanes)) {
		wish.Lanes[key] = true
		if freight := k.asks[key]; asked == "" && freight != nil && !lanes[key].making.goesOn() {
			asked, wish.Words = key, []string{"promote", key}
			for _, warehouse := range slices.Sorted(maps.Keys(freight)) {
				wish.Words = append(wish.Words, warehouse+"="+freight[warehouse])
			}
		}
	}
	return wish, asked
}

// wait says whether a stage waits for others. Nobody tells of what they do, so looks
// are taken at intervals then, and only then.
func (k *looks) wait(l *lane, waits bool) {
	k.mu.Lock()
	changed := waits && !k.waits[l.key()]
	k.waits[l.key()] = waits
	k.mu.Unlock()
	if changed {
		select { // the interval begins
		case k.awake <- struct{}{}:
		default:
		}
	}
}

func (k *looks) interval() <-chan time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, waits := range k.waits {
		if waits {
			return time.After(k.Interval)
		}
	}
	return nil
}

// want asks for a look that begins after this.
func (k *looks) want() {
	select {
	case k.wanted <- struct{}{}:
	default:
	}
}

// run looks until the context ends.
func (k *looks) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.awake:
			continue
		case <-k.wanted:
		case <-k.interval():
		}
		k.mu.Lock()
		lanes := maps.Clone(k.lanes)
		k.mu.Unlock()
		if len(lanes) > 0 {
			k.look(ctx, lanes)
		}
	}
}

func (k *looks) look(ctx context.Context, lanes map[string]*lane) {
	wish, asked := k.wish(ctx, lanes)
	k.one.Lock()
	done, err := k.Engine.Once(ctx, k.Repository, wish)
	k.one.Unlock()
	var limited *forge.LimitedError
	if errors.As(err, &limited) {
		k.Out.Say("look", "again when GitHub's limit ends, at "+limited.Until.UTC().Format(time.TimeOnly)+" UTC")
		select {
		case <-ctx.Done():
		case <-time.After(limited.Until.Sub(k.Commands.Now())):
		}
		k.want()
		return
	}
	if done != nil {
		k.keep(done)
	}
	if err == nil && len(done.Mistakes) > 0 {
		err = fmt.Errorf("the configuration is broken now: %s", done.Mistakes[0])
	}
	for _, l := range slices.SortedFunc(maps.Values(lanes), first) {
		s := sighting{err: err, asked: l.key() == asked, handled: make(chan struct{})}
		if err == nil {
			at := slices.IndexFunc(done.Views, func(v report.View) bool { return v.Pipeline.Name == l.pipeline })
			if at < 0 {
				s.err = fmt.Errorf("pipeline %s is gone", l.pipeline)
			} else {
				s.view = done.Views[at]
			}
			if s.answered = s.asked && done.Reply != ""; s.answered && done.Refused {
				s.refused = strings.Join(strings.Fields(done.Reply), " ")
			}
		}
		l.tell(ctx, s)
	}
}

// keep keeps what a look saw and did for the report.
func (k *looks) keep(done *engine.Done) {
	for _, branch := range done.Pushed {
		if !slices.Contains(k.pushed, branch) {
			k.pushed = append(k.pushed, branch)
		}
	}
	if len(done.Views) > 0 {
		k.seen = &done.Outlook
	}
}

// prepare renders a stage ahead of time.
func (k *looks) prepare(ctx context.Context, l *lane) (map[string]error, error) {
	k.one.Lock()
	defer k.one.Unlock()
	return k.Engine.Prepare(ctx, k.Repository, []string{l.key()})
}

// first is the order in which stages hear of a look, and so in which their commands
// queue: the longest way first, then by name.
func first(a, b *lane) int {
	return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.name, b.name))
}

// tell tells a stage what was seen, and waits until it has gone on by it.
func (l *lane) tell(ctx context.Context, s sighting) {
	select {
	case l.seen <- s:
	case <-l.gone:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-s.handled:
	case <-l.gone:
	}
}

// Results keeps what commands came to until the ledger has it.
type Results struct {
	mu    sync.Mutex
	calls []engine.Call
	last  int
	done  map[string]bool
}

// NewResults keeps nothing yet.
func NewResults() *Results { return &Results{done: map[string]bool{}} }

// Calls implements [engine.Outside].
func (r *Results) Calls(context.Context, string) ([]engine.Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls), nil
}

// Done implements [engine.Outside].
func (r *Results) Done(_ context.Context, ids []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = slices.DeleteFunc(r.calls, func(c engine.Call) bool { return slices.Contains(ids, c.ID) })
	for _, id := range ids {
		r.done[id] = true
	}
	return nil
}

// say keeps what a command came to, and returns what it is known by.
func (r *Results) say(c engine.Call, passed bool) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	c.ID, c.Ran, c.State = fmt.Sprint("run-", r.last), true, promote.State(passed)
	r.calls = append(r.calls, c)
	return c.ID
}

func (r *Results) written(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done[id]
}

func (r *Results) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls) > 0
}
