package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// Graph is one pipeline to be drawn, and the way through it that takes longest, if
// that is to be shown.
type Graph struct {
	View
	Path *promote.Path
}

// onPath tells whether an edge between two stages is on the way that is shown.
func (g Graph) onPath(from, to string) bool {
	if g.Path == nil {
		return false
	}
	for i, leg := range g.Path.Legs {
		if leg.Stage == to && i > 0 && g.Path.Legs[i-1].Stage == from {
			return true
		}
	}
	return false
}

// DOT draws pipelines for graphviz, each as a graph of its own.
func DOT(graphs []Graph) string {
	var out strings.Builder
	for _, g := range graphs {
		g.dot(&out)
	}
	return out.String()
}

func (g Graph) dot(out *strings.Builder) {
	fmt.Fprintf(out, "digraph %s {\n  rankdir=LR;\n  node [shape=box];\n", dotString(g.Pipeline.ID()))
	index := map[string]int{}
	for i, w := range g.Pipeline.Warehouses {
		fmt.Fprintf(out, "  w%d [label=%s, shape=cylinder];\n", i, dotString(w.Name))
	}
	for i, s := range g.Pipeline.Stages {
		index[s.Name] = i
		fmt.Fprintf(out, "  s%d [label=%s%s];\n", i, dotString(g.says(s.Name, "")...), map[promote.Kind]string{
			promote.Control: ", shape=diamond", promote.Fileless: ", style=rounded", promote.Observed: ", peripheries=2",
		}[s.Kind])
	}
	for _, e := range g.edges() {
		looks := ""
		if e.rule != "" {
			looks = ", label=" + dotString(e.rule)
		}
		if g.onPath(e.from, e.to) {
			looks += ", penwidth=3"
		}
		from := fmt.Sprintf("w%d", e.warehouse)
		if e.from != "" {
			from = fmt.Sprintf("s%d", index[e.from])
		}
		fmt.Fprintf(out, "  %s -> s%d", from, index[e.to])
		if looks != "" {
			fmt.Fprintf(out, " [%s]", strings.TrimPrefix(looks, ", "))
		}
		out.WriteString(";\n")
	}
	out.WriteString("}\n")
}

// dotEscapes are what a quoted string of DOT, and the label that it is, act on.
var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")

// dotString makes lines of text one quoted string of DOT.
func dotString(lines ...string) string {
	for i, l := range lines {
		lines[i] = dotEscapes.Replace(word(l))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// GraphTale is what pipelines look like, for programs. Names in it are as they came.
type GraphTale struct {
	Version    int             `json:"version"`
	Repository string          `json:"repository"`
	Ledger     bool            `json:"ledger"` // there was one: what stages hold and how long they take is known
	Pipelines  []PipelineGraph `json:"pipelines"`
}

// PipelineGraph is one pipeline of a [GraphTale].
type PipelineGraph struct {
	Pipeline   string       `json:"pipeline"` // owner/name#pipeline
	Warehouses []string     `json:"warehouses"`
	Stages     []StageGraph `json:"stages"` // upstreams first
	Path       []LegTale    `json:"path,omitempty"`
}

// StageGraph is one stage, and how long it takes in the median, in seconds.
type StageGraph struct {
	Stage           string            `json:"stage"`
	Kind            promote.Kind      `json:"kind,omitempty"`
	Requests        []RequestTale     `json:"requests"`
	Holds           map[string]string `json:"holds,omitempty"` // warehouse → freight id
	SecondsToMerge  *int64            `json:"secondsToMerge,omitempty"`
	SecondsToVerify *int64            `json:"secondsToVerify,omitempty"`
}

// RequestTale is a request with the lanes that its upstream stages come to.
type RequestTale struct {
	Warehouse    string   `json:"warehouse"`
	From         []string `json:"from"` // empty: straight from the warehouse
	Availability string   `json:"availability,omitempty"`
	Stamps       string   `json:"stamps,omitempty"` // how many stamps of an upstream must agree
	SoakSeconds  int64    `json:"soakSeconds,omitempty"`
}

// LegTale is one stage on the longest path. Times are seconds since the freight was
// made.
type LegTale struct {
	Stage       string `json:"stage"`
	Warehouse   string `json:"warehouse"`
	Begins      int64  `json:"begins"`
	Arrives     int64  `json:"arrives"`
	Verified    int64  `json:"verified"`
	SoakSeconds int64  `json:"soakSeconds,omitempty"`
	Ends        int64  `json:"ends"`
	Saves       int64  `json:"saves,omitempty"` // seconds, if none of it took any time
	Binds       bool   `json:"binds,omitempty"`
}

// Graphs tells pipelines to programs.
func Graphs(repository string, ledger bool, graphs []Graph) GraphTale {
	out := GraphTale{Version: JSONVersion, Repository: repository, Ledger: ledger, Pipelines: []PipelineGraph{}}
	for _, g := range graphs {
		p := PipelineGraph{Pipeline: g.Pipeline.ID(), Warehouses: []string{}, Stages: []StageGraph{}}
		for _, w := range g.Pipeline.Warehouses {
			p.Warehouses = append(p.Warehouses, w.Name)
		}
		for _, s := range g.Pipeline.Stages {
			p.Stages = append(p.Stages, g.stage(s))
		}
		if g.Path != nil {
			for i, leg := range g.Path.Legs {
				p.Path = append(p.Path, LegTale{
					Stage: leg.Stage, Warehouse: leg.Request.Warehouse, Begins: whole(leg.Begins), Arrives: whole(leg.Arrives), Verified: whole(leg.Verified),
					SoakSeconds: whole(leg.Soak), Ends: whole(leg.Ends), Saves: whole(leg.Saves), Binds: i == g.Path.Binds,
				})
			}
		}
		out.Pipelines = append(out.Pipelines, p)
	}
	return out
}

func (g Graph) stage(s promote.Stage) StageGraph {
	out := StageGraph{Stage: s.Name, Kind: s.Kind, Requests: []RequestTale{}}
	if holding, ok := g.Snapshot.Facts.Holding(s.Name); ok {
		out.Holds = holding.Freight
	}
	for _, r := range s.Requests {
		told := RequestTale{Warehouse: r.Warehouse, From: []string{}, Stamps: string(r.Stamps), SoakSeconds: whole(r.Soak)}
		for _, from := range r.From {
			for _, lane := range g.Pipeline.Lanes(from) {
				told.From = append(told.From, lane.Name)
			}
		}
		if len(r.From) > 0 {
			told.Availability = r.Availability.String()
		}
		out.Requests = append(out.Requests, told)
	}
	seconds := func(d *time.Duration) *int64 {
		if d == nil {
			return nil
		}
		n := whole(*d)
		return &n
	}
	pace := g.Snapshot.Pace(s)
	out.SecondsToMerge, out.SecondsToVerify = seconds(pace.Merge), seconds(pace.Verify)
	return out
}

func whole(d time.Duration) int64 { return int64(d / time.Second) }

// PlainPath tells the longest path for terminals, leg by leg, and what would shorten
// it.
func PlainPath(g Graph) string {
	var out strings.Builder
	fmt.Fprintln(&out, word(g.Pipeline.ID()))
	legs := g.Path.Legs
	if len(legs) == 0 {
		return out.String() + "There is no stage to go to.\n"
	}
	last := legs[len(legs)-1]
	fmt.Fprintf(&out, "Freight of %s is verified in %s %s after it was made.\n\n", word(legs[0].Request.Warehouse), word(last.Stage), promote.Span(g.Path.Total()))
	// A strings.Builder takes every write.
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")) }
	row("STAGE", "MAY HAVE IT", "BY", "MERGED IN", "VERIFIED IN", "SOAK", "COUNTS")
	recorded := false
	for i, leg := range legs {
		s, _ := g.Pipeline.Stage(leg.Stage)
		pace := g.Snapshot.Pace(s)
		merge, verify := spanOf(pace.Merge), spanOf(pace.Verify)
		if s.Kind == promote.Control { // there is nothing to take time
			merge, verify = "", ""
		}
		recorded = recorded || pace.Merge != nil && *pace.Merge > 0 || pace.Verify != nil && *pace.Verify > 0
		soak := ""
		if leg.Soak > 0 {
			soak = promote.Span(leg.Soak)
		}
		row(word(leg.Stage), promote.Span(leg.Begins), g.by(i), merge, verify, soak, promote.Span(leg.Ends))
	}
	table.Flush()
	out.WriteString("\n" + g.binds())
	if !recorded {
		out.WriteString("No durations are recorded: this is soak alone.\n")
	}
	return trimmed(out.String())
}

func spanOf(d *time.Duration) string {
	if d == nil {
		return "?"
	}
	return promote.Span(*d)
}

// by says whom freight gets into a leg's stage by.
func (g Graph) by(i int) string {
	request := g.Path.Legs[i].Request
	if i == 0 || len(request.From) == 0 {
		return "straight from " + word(request.Warehouse)
	}
	from := word(g.Path.Legs[i-1].Stage)
	if len(g.Pipeline.Upstreams(request)) == 1 {
		return from
	}
	return fmt.Sprintf("%s (%s of %s)", from, request.Availability, word(strings.Join(g.Pipeline.UpstreamNames(request), ", ")))
}

// binds says which edge holds the end up most, and by what.
func (g Graph) binds() string {
	if g.Path.Binds < 0 {
		return "No edge binds: nothing on this way takes time that another way would not.\n"
	}
	leg, next := g.Path.Legs[g.Path.Binds], g.Path.Legs[g.Path.Binds+1]
	by := "its verification"
	switch {
	case leg.Arrives+leg.Soak > leg.Verified:
		by = "the soak of " + promote.Span(leg.Soak)
	case leg.Arrives-leg.Begins > leg.Verified-leg.Arrives:
		by = "its pull request"
	}
	return fmt.Sprintf("The edge that binds is %s → %s, by %s: without its time %s would have it %s sooner.\n",
		word(leg.Stage), word(next.Stage), by, word(g.Path.Legs[len(g.Path.Legs)-1].Stage), promote.Span(leg.Saves))
}
