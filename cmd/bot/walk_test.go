package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
	"github.com/towpath/towpath/internal/githubtest/openapi"
	"github.com/towpath/towpath/internal/promote"
)

var (
	walks = flag.Int("walks", 0, "so many random walks more, of new seeds")
	steps = flag.Int("steps", 60, "how many things happen in a random walk")
)

// keptSeeds are of walks that once found a defect, and a few more.
var keptSeeds = []uint64{1, 2}

// TestWalks lets random things happen, from outside: images, commits, results, merges,
// closed promotions, commands, freezes, lost events, time and new bots. After each of
// them it holds what is there against rules that are written here once more, from what
// the walk itself did and from what the ledger says.
//
//	go test ./cmd/bot -run TestWalks -walks 20 -steps 200
func TestWalks(t *testing.T) {
	seeds := slices.Clone(keptSeeds)
	for range *walks {
		seeds = append(seeds, rand.Uint64())
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { startWalk(t, seed).run(*steps) })
	}
}

// walk is one random walk, and what it remembers of itself.
type walk struct {
	*world
	t    *testing.T
	rng  *rand.Rand
	said []string // what happened, for whoever reads of a failure

	version    int
	states     map[string]string    // of the gate, by commit
	frozen     bool                 // by the policy
	lost       bool                 // an event was, and no sweep came since
	asked      map[string]time.Time // by stage: the last /promote
	wentBack   map[string]bool      // stages that /rollback was said of
	overridden map[string]bool      // "stage freight"
	rejected   map[string]time.Time // "stage freight": when its promotion was closed

	before promote.Facts
	heads  map[string]string
}

const walkPipeline = `apiVersion: towpath/v1
name: web
warehouses:
  - {name: app, subscriptions: [{image: {repository: ghcr.io/acme/web}}]}
  - {name: flags, subscriptions: [{git: {branch: main, include: ["flags/**"]}}]}
defaults: {stage: {verification: {gates: [{name: e2e, status: e2e, required: true}]}}}
stages:
  - name: test
    requests: [{warehouse: app}, {warehouse: flags}]
    updates: &assemble
      - directives:
          - copy: {from: deploy, to: .}
          - copy: {from: flags, to: flags}
          - yaml: {file: app.yaml, set: {image: "${{ image('ghcr.io/acme/web').ref }}"}}
  - {name: uat-a, requests: [{warehouse: app, from: [test]}, {warehouse: flags, from: [test]}], updates: *assemble}
  - {name: uat-b, requests: [{warehouse: app, from: [test], soak: 30m}, {warehouse: flags, from: [test]}], updates: *assemble}
  - {name: gate, control: true, requests: [{warehouse: app, from: [uat-a, uat-b], availability: all}]}
  - {name: prod, requests: [{warehouse: app, from: [gate]}, {warehouse: flags, from: [uat-a, uat-b], soak: 1h}], updates: *assemble}
  - {name: edge, requests: [{warehouse: app, from: [prod, uat-b], availability: majority}, {warehouse: flags, from: [prod]}], updates: [{delivery: push, directives: [{copy: {from: deploy, to: .}}, {copy: {from: flags, to: flags}}, {yaml: {file: app.yaml, set: {image: "${{ image('ghcr.io/acme/web').ref }}"}}}]}]}
  - {name: site, stamps: {names: [us, eu]}, requests: [{warehouse: app, from: [uat-a]}, {warehouse: flags, from: [test]}], updates: *assemble}
  - {name: last, requests: [{warehouse: app, from: [site], stamps: all, soak: 10m}, {warehouse: flags, from: [site], stamps: any}], updates: *assemble}
`

const walkPolicy = `apiVersion: towpath/v1
stages:
  - {match: "web/uat-a", auto: true, merge: auto, freeze: FROZEN}
  - {match: "web/prod", auto: false, override: {people: 1, over: [verification, soak]}, freeze: FROZEN}
  - {match: "*/*", auto: true, freeze: FROZEN}
`

var walkStages = []string{"test", "uat-a", "uat-b", "prod", "edge", "site@eu", "site@us", "last"} // those with branches

func startWalk(t *testing.T, seed uint64) *walk {
	judge := openapi.New(t)
	world, err := newWorld(judge)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.close(judge) })
	w := &walk{
		world: world, t: t, rng: rand.New(rand.NewPCG(seed, 0)),
		states: map[string]string{}, asked: map[string]time.Time{}, wentBack: map[string]bool{}, overridden: map[string]bool{},
		rejected: map[string]time.Time{}, heads: map[string]string{},
	}
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		".towpath/pipeline.yaml": walkPipeline, ".towpath/policy.yaml": strings.ReplaceAll(walkPolicy, "FROZEN", "false"),
		"deploy/app.yaml": "image: none\n", "flags/a": "0\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	if w.repo, err = w.addRepository("app", files); err == nil {
		_, err = w.hub.OpenIssue(w.repo, "Talk", "", "you")
	}
	if err == nil {
		w.running, err = w.startInside(false, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// doings are what may happen, each as often as it stands here. One that has nothing
// to do says nothing.
var doings = []func(w *walk) (string, error){
	(*walk).goAhead, (*walk).goAhead, (*walk).goAhead, (*walk).goAhead, (*walk).goAhead, (*walk).goAhead, (*walk).goAhead, (*walk).goAhead,
	(*walk).pushImage, (*walk).pushImage, (*walk).pushFlags,
	(*walk).mergeOne, (*walk).mergeOne, (*walk).mergeOne, (*walk).closeOne,
	(*walk).verify, (*walk).verify, (*walk).verify,
	(*walk).say, (*walk).say, (*walk).say, (*walk).say,
	(*walk).wait, (*walk).wait, (*walk).wait, (*walk).goOn, (*walk).registryUp,
	(*walk).freeze, (*walk).meddle, (*walk).revert, (*walk).lose, (*walk).restart, (*walk).registry,
}

func (w *walk) run(steps int) {
	for step := range steps {
		if err := w.act(); err != nil {
			w.fail(err)
		}
		what, err := "", error(nil)
		for what == "" && err == nil {
			what, err = doings[w.rng.IntN(len(doings))](w)
		}
		w.said = append(w.said, fmt.Sprintf("%3d %s %s", step, w.clock.Now().Format("02 15:04:05"), what))
		if err == nil {
			err = w.settle()
		}
		if err == nil {
			err = w.check()
		}
		if err != nil {
			w.fail(err)
		}
	}
	if err := w.again(); err != nil {
		w.fail(err)
	}
	came := map[string]int{}
	for _, a := range w.before.Arrivals {
		came[a.Stage+" by "+string(a.Manner)]++
	}
	w.t.Logf("%d freights, %d proposals, arrivals %v", len(w.before.Freight), len(w.before.Proposals), came)
}

func (w *walk) fail(err error) {
	w.t.Helper()
	logs := w.logs.String()
	w.t.Fatalf("%v\n\n%s\n\nthe bot's log ends with:\n%s", err, strings.Join(w.said, "\n"), logs[max(0, len(logs)-3000):])
}

// again starts a bot that knows nothing: the ledger and GitHub tell it all, and it
// has nothing to do.
func (w *walk) again() error {
	w.imagesDown.Store(false)
	w.hub.Heal()
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.advance(sweepEvery); err != nil { // whatever got lost is found
		return err
	}
	if err := w.settle(); err != nil {
		return err
	}
	w.marked = w.state()
	if err := w.renew(); err != nil {
		return err
	}
	return w.quiet(nil, nil)
}

func (w *walk) renew() error {
	if err := w.end(w.running.stop); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "bot")); err != nil {
		return err
	}
	var err error
	w.running, err = w.startInside(false, true)
	return err
}

func (w *walk) stage() string { return walkStages[w.rng.IntN(len(walkStages))] }

func (w *walk) pushImage() (string, error) {
	if w.imagesDown.Load() {
		return "", nil
	}
	w.version++
	tag := fmt.Sprintf("1.%d.0", w.version)
	if w.rng.IntN(6) == 0 {
		tag = fmt.Sprintf("1.%d.%d", w.rng.IntN(w.version), w.version) // late, of an old line
	}
	err := w.imageAct(nil, []string{"push", "acme/web", tag})
	return "image " + tag, err
}

func (w *walk) pushFlags() (string, error) {
	w.version++
	text := strconv.Itoa(w.version)
	_, err := w.hub.Push(w.repo, "main", "Set a flag", "you", map[string]*string{"flags/a": &text})
	return "flags " + text, err
}

// goAhead does what most people do most of the time: report what the newest arrival
// waits for, merge what is open, ask for prod.
func (w *walk) goAhead() (string, error) {
	for _, stage := range walkStages {
		if at, ok := w.before.Holding(stage); ok && w.states[at.Commit] == "" {
			return w.report("success", at)
		}
	}
	if what, err := w.mergeOne(); what != "" || err != nil || w.rng.IntN(2) == 0 {
		return what, err
	}
	w.asked["prod"] = w.clock.Now()
	_, err := w.hub.Comment(w.repo, 1, "you", "/promote prod")
	return "you says /promote prod", err
}

// open returns one of the open promotions, if there is any.
func (w *walk) open() (githubtest.Pull, bool) {
	open := slices.DeleteFunc(w.hub.Pulls(w.repo), func(p githubtest.Pull) bool { return p.State != "open" })
	if len(open) == 0 {
		return githubtest.Pull{}, false
	}
	return open[w.rng.IntN(len(open))], true
}

// mergeOne merges what its check lets be merged, as a person does who looks.
func (w *walk) mergeOne() (string, error) {
	p, ok := w.open()
	if !ok {
		return "", nil
	}
	for _, run := range w.hub.CheckRuns(w.repo, w.hub.Refs(w.repo)["refs/heads/"+p.Head]) {
		if strings.HasPrefix(run.Name, "towpath: ") && run.Conclusion != "success" {
			return "", nil
		}
	}
	how := []string{"merge", "squash", "rebase"}[w.rng.IntN(3)]
	_, err := w.hub.Merge(w.repo, p.Number, how, "you")
	return fmt.Sprintf("%s #%d into %s", how, p.Number, p.Base), err
}

func (w *walk) closeOne() (string, error) {
	p, ok := w.open()
	if !ok {
		return "", nil
	}
	stage := strings.TrimPrefix(p.Base, "stage/")
	for _, id := range w.moving(stage) {
		w.rejected[stage+" "+id] = w.clock.Now()
	}
	return fmt.Sprintf("close #%d into %s", p.Number, p.Base), w.hub.Close(w.repo, p.Number, "you")
}

// verify reports a result on what a stage holds, or held before.
func (w *walk) verify() (string, error) {
	stage, state := w.stage(), "success"
	if w.rng.IntN(4) == 0 {
		state = []string{"failure", "error", "pending"}[w.rng.IntN(3)]
	}
	arrivals := w.before.ArrivalsIn(stage)
	if len(arrivals) == 0 {
		return "", nil
	}
	at := arrivals[len(arrivals)-1]
	if w.rng.IntN(5) == 0 {
		at = arrivals[w.rng.IntN(len(arrivals))]
	}
	return w.report(state, at)
}

func (w *walk) report(state string, at promote.Arrival) (string, error) {
	w.states[at.Commit] = state
	return fmt.Sprintf("%s on %s of %s", state, promote.ShortID(at.Commit), at.Stage), w.hub.SetStatus(w.repo, at.Commit, "e2e", state, "ci")
}

func (w *walk) say() (string, error) {
	stage, now := w.stage(), w.clock.Now()
	by, text := "you", ""
	switch w.rng.IntN(10) {
	case 0, 1, 8:
		text = "/promote " + stage
		if freight := w.before.Freight; w.rng.IntN(3) == 0 && len(freight) > 0 {
			f := freight[w.rng.IntN(len(freight))]
			text += " " + f.Warehouse + "=" + f.Alias
		}
	case 2:
		text = "/hold " + stage + " for a while"
	case 3, 9:
		text = "/unhold " + stage
	case 4:
		text = "/rollback " + stage
		w.wentBack[stage] = true
	case 5:
		if freight := w.before.Freight; len(freight) > 0 {
			f := freight[w.rng.IntN(len(freight))]
			text = "/override " + f.Warehouse + "=" + f.Alias + " prod --reason because"
			w.overridden["prod "+f.ID] = true
		}
	case 6:
		text = "/cancel " + stage
	case 7:
		by, text = "stranger", "/promote "+stage
	}
	if by == "you" && strings.HasPrefix(text, "/promote") {
		w.asked[stage] = now
	}
	if text == "" {
		text = "/status"
	}
	_, err := w.hub.Comment(w.repo, 1, by, text)
	return by + " says " + text, err
}

func (w *walk) wait() (string, error) {
	d := []time.Duration{time.Minute, 10 * time.Minute, 40 * time.Minute, 3 * time.Hour}[w.rng.IntN(4)]
	err := w.advance(d)
	w.lost = w.lost && d < sweepEvery
	return "wait " + d.String(), err
}

func (w *walk) freeze() (string, error) {
	w.frozen = !w.frozen
	text := strings.ReplaceAll(walkPolicy, "FROZEN", strconv.FormatBool(w.frozen))
	_, err := w.hub.Push(w.repo, "main", "Freeze or not", "you", map[string]*string{".towpath/policy.yaml": &text})
	return fmt.Sprintf("freeze: %v", w.frozen), err
}

func (w *walk) goOn() (string, error) {
	if !w.frozen {
		return "", nil
	}
	return w.freeze()
}

func (w *walk) registryUp() (string, error) {
	if !w.imagesDown.Load() {
		return "", nil
	}
	return w.registry()
}

// meddle changes a stage by hand.
func (w *walk) meddle() (string, error) {
	branch := "stage/" + w.stage()
	if w.hub.Refs(w.repo)["refs/heads/"+branch] == "" || w.rng.IntN(2) == 0 {
		return "", nil
	}
	w.version++
	text := strconv.Itoa(w.version)
	_, err := w.hub.Push(w.repo, branch, "By hand", "you", map[string]*string{"by-hand": &text})
	return "meddle with " + branch, err
}

// revert brings back what a stage held before.
func (w *walk) revert() (string, error) {
	branch := "stage/" + w.stage()
	if _, err := w.git("rev-parse", "--verify", "-q", branch+"~1"); err != nil || w.rng.IntN(2) == 0 {
		return "", nil
	}
	return "revert " + branch, w.revertAct(nil, []string{branch})
}

// lose lets the next event never arrive.
func (w *walk) lose() (string, error) {
	event := []string{"push", "pull_request", "status", "issue_comment"}[w.rng.IntN(4)]
	w.lost = true
	return "lose a " + event, w.faultAct(nil, []string{"never", event, "1"})
}

func (w *walk) restart() (string, error) { w.lost = false; return "a new bot", w.renew() }

func (w *walk) registry() (string, error) {
	down := !w.imagesDown.Load()
	w.imagesDown.Store(down)
	w.lost = w.lost || down
	return fmt.Sprintf("the registry is down: %v", down), nil
}
