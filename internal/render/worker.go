package render

import (
	"bufio"
	"context"
	"encoding/gob"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
	_ "time/tzdata" // a chart may ask for a time zone, and the host's are not read
)

// maxStack is the stack of a rendering. Go ends a process that passes it.
const maxStack = 64 << 20

// gcPercent lets garbage grow to ten times what lives: most of a rendering is
// garbage at once, and is collected when nobody waits for it. The limit collects
// sooner where there is much.
const gcPercent = 1000

// muchMemory is what a child does not keep, in bytes: the next jobs would run into
// the limit with it, and idle children would fill the machine.
const muchMemory = 64 << 20

// A child without work collects its garbage, and gives back what memory it has much
// of when it stays without. Memory is dear: what is new of it costs a rendering a
// third of its time.
const (
	collectAfter = 50 * time.Millisecond
	releaseAfter = 10 * time.Second
)

// Serve is all that a pool's child does: it renders for its parent until that
// closes in, and returns the exit code. It makes the process it runs in good for
// nothing else: without the network, files and programs where the system can do
// that (Linux), with little memory and stack, and in UTC.
func Serve(in io.Reader, out io.Writer) int { return serve(in, out, false) }

func serve(in io.Reader, out io.Writer, deadly bool) int {
	w := &worker{
		from: gob.NewDecoder(bufio.NewReaderSize(in, 64<<10)), to: gob.NewEncoder(out),
		jobs: make(chan order), answers: make(chan *answer), ended: make(chan int, 2),
	}
	registerValues()
	var first order
	if err := w.from.Decode(&first); err != nil || first.Limits == nil {
		return exitDone
	}
	w.limits = *first.Limits
	w.confine(deadly)
	go w.listen()
	go w.work()
	return <-w.ended
}

// worker is a pool's child, as it sees itself.
type worker struct {
	limits  Limits
	from    *gob.Decoder
	to      *gob.Encoder
	jobs    chan order
	answers chan *answer
	ended   chan int // exit codes; the first one counts
}

// confine takes everything from the process that rendering does not need.
func (w *worker) confine(deadly bool) {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // they are for the parent, which may have to finish
	time.Local = time.UTC
	log.SetOutput(io.Discard)                         // Helm prints values through it, Secrets' among them (R4)
	os.Stdout, os.Stderr = nil, nil                   // kustomize prints warnings
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // one of them watches
	debug.SetTraceback("none")
	debug.SetMaxStack(maxStack)
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(w.limits.Memory / 4 * 3)
	endWithParent()
	boundMemory(w.limits.Memory)
	forbid(deadly)
}

// listen takes orders. It never waits for a rendering, since a parent that is
// gone ends one that would not end by itself.
func (w *worker) listen() {
	for {
		var o order
		if err := w.from.Decode(&o); err != nil {
			w.ended <- exitDone
			return
		}
		switch {
		case o.Job != nil:
			w.jobs <- o
		case o.Answer != nil:
			w.answers <- o.Answer
		}
	}
}

func (w *worker) work() {
	for Warm(); ; Warm() { // a build with a schema of its own has thrown the parsed one away
		next := w.next()
		j := *next.Job
		if j.Helm != nil {
			j.Helm.Values, _ = withEmpty(j.Helm.Values).(map[string]any)
		}
		watching := make(chan struct{})
		go w.watch(watching)
		o := w.limits.render(context.Background(), newRemoteTree(w, next.Given), j)
		close(watching)
		d := doneOf(o)
		d.Spent = spent()
		if err := w.to.Encode(report{Done: d}); err != nil {
			w.ended <- exitDone
			return
		}
	}
}

// next waits for a job, and tidies meanwhile.
func (w *worker) next() order {
	idle := time.NewTimer(collectAfter)
	defer idle.Stop()
	select {
	case o := <-w.jobs:
		return o
	case <-idle.C:
		runtime.GC()
	}
	idle.Reset(releaseAfter)
	select {
	case o := <-w.jobs:
		return o
	case <-idle.C:
		if used() > muchMemory {
			debug.FreeOSMemory()
		}
	}
	return <-w.jobs
}

// watch ends the process when it uses more memory than it may. The limit that Go
// knows by itself makes it collect harder and refuses nothing.
func (w *worker) watch(until <-chan struct{}) {
	const every = 5 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-until:
			return
		case <-tick.C:
		}
		if used() > w.limits.Memory {
			w.ended <- exitMemory
			return
		}
	}
}

// used is the memory in bytes that this process has of the system.
func used() int64 {
	return measured("/memory/classes/total:bytes") - measured("/memory/classes/heap/released:bytes")
}

// spent reports whether much of what jobs left behind lives on.
func spent() bool {
	const lives = "/gc/heap/live:bytes" // at the last collection, maybe in the midst of a job
	if measured(lives) <= muchMemory {
		return false
	}
	runtime.GC()
	return measured(lives) > muchMemory
}

func measured(metric string) int64 {
	of := []metrics.Sample{{Name: metric}}
	metrics.Read(of)
	return int64(of[0].Value.Uint64())
}
