// Package ledger turns facts into files and back. It knows how a fact is named
// and encoded; who reads the files from git and who pushes them is not its
// business.
//
// Every fact is one small JSON file that is written once and never changed:
//
//	handled/<comment>.json
//	<pipeline>/freight/<time>-<id>.json
//	<pipeline>/stages/<stage>/{proposals,arrivals,results,holds,overrides,rejections,takeovers,ticks,alerts,told,attempts,runs,published}/<time>-<what>.json
//
// So two writers never edit one file, the order of a directory is the order of
// its times, and the log of the branch reads as the audit trail.
package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// Branch is where the ledger is kept.
const Branch = "towpath/ledger"

// Readme is the file that tells people what the branch is.
const Readme = `# Towpath's ledger

What Towpath knows and GitHub can not be asked: which freight there is, what was
proposed, what arrived in which stage and when, results, holds, overrides, rejections and
takeovers.
Every file is written once and never changed; ` + "`git log`" + ` of this branch is the
audit trail. Do not edit it by hand, and do not delete it: the stages would be
held until it is rebuilt.
`

// Book is the whole ledger of one repository.
type Book struct {
	Pipelines map[string]promote.Facts // by name
	Handled   map[int64]promote.Handled
}

// Files encodes new facts of one pipeline, by path.
func Files(pipeline string, facts promote.Facts) (map[string][]byte, error) {
	w := writer{files: map[string][]byte{}}
	for _, f := range facts.Freight {
		w.add(path.Join(pipeline, "freight"), f.Selected, f.ID, f)
	}
	stage := func(name, kind string) string { return path.Join(pipeline, "stages", name, kind) }
	for _, p := range facts.Proposals {
		w.add(stage(p.Stage, "proposals"), p.At, p.Tree, p)
	}
	for _, a := range facts.Arrivals {
		w.add(stage(a.Stage, "arrivals"), a.At, a.Commit+string(a.Manner), a)
	}
	for _, r := range facts.Results {
		identity := []string{r.Commit, string(r.Source), r.App, r.Name, r.State}
		if r.Attempt > 0 {
			identity = append(identity, strconv.Itoa(r.Attempt))
		}
		if r.Place != "" {
			identity = append(identity, r.Place)
		}
		if r.Comment != 0 {
			identity = append(identity, fmt.Sprint(r.Comment))
		}
		w.add(stage(r.Stage, "results"), r.At, strings.Join(identity, "\x00"), r)
	}
	for _, h := range facts.Holds {
		w.add(stage(h.Stage, "holds"), h.At, fmt.Sprint(h.Warehouse, h.Cause, h.Released, h.Comment, h.PullRequest), h)
	}
	for _, o := range facts.Overrides {
		w.add(stage(o.Stage, "overrides"), o.At, fmt.Sprint(o.Warehouse, o.Freight, o.Comment), o)
	}
	for _, r := range facts.Rejections {
		w.add(stage(r.Stage, "rejections"), r.At, r.Warehouse+r.Freight, r)
	}
	for _, t := range facts.Ticks {
		w.add(stage(t.Stage, "ticks"), t.At, "", t)
	}
	for _, a := range facts.Alerts {
		w.add(stage(a.Stage, "alerts"), a.At, a.ID(), a)
	}
	for _, t := range facts.Told {
		w.add(stage(t.Stage, "told"), t.At, t.Alert+"\x00"+t.Receiver, t)
	}
	for _, t := range facts.Takeovers {
		w.add(stage(t.Stage, "takeovers"), t.At, fmt.Sprint(t.Word(), t.Released, t.Comment), t)
	}
	for _, a := range facts.Attempts {
		w.add(stage(a.Stage, "attempts"), a.At, strings.Join([]string{a.Gate, a.Commit, strconv.Itoa(a.Number)}, "\x00"), a)
	}
	for _, r := range facts.Runs {
		w.add(stage(r.Stage, "runs"), r.At, strings.Join([]string{r.Gate, r.Commit, strconv.Itoa(r.Number), fmt.Sprint(r.ID)}, "\x00"), r)
	}
	for _, p := range facts.Published {
		w.add(stage(p.Stage, "published"), p.At, p.Freight+"\x00"+p.To, p)
	}
	return w.files, w.err
}

// HandledFile encodes the fact that a comment was handled.
func HandledFile(h promote.Handled) (name string, data []byte, err error) {
	data, err = encode(h)
	return fmt.Sprintf("handled/%d.json", h.Comment), data, err
}

type writer struct {
	files map[string][]byte
	err   error
}

// add names a fact by its time and by a hash of what makes it itself, so that
// the same fact seen twice is one file.
func (w *writer) add(dir string, at time.Time, identity string, fact any) {
	sum := sha256.Sum256([]byte(identity))
	name := fmt.Sprintf("%s-%s.json", at.UTC().Format("20060102T150405.000Z"), hex.EncodeToString(sum[:5]))
	data, err := encode(fact)
	w.files[path.Join(dir, name)], w.err = data, errors.Join(w.err, err)
}

func encode(fact any) ([]byte, error) {
	data, err := json.MarshalIndent(fact, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode fact: %w", err)
	}
	return append(data, '\n'), nil
}

// Read decodes the ledger from its tree. A file that can not be read is an
// error that names it: a ledger that is half understood decides wrongly.
func Read(tree fs.FS) (*Book, error) {
	book := &Book{Pipelines: map[string]promote.Facts{}, Handled: map[int64]promote.Handled{}}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return book.add(strings.Split(name, "/"), data)
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	for name, facts := range book.Pipelines {
		book.Pipelines[name] = promote.Facts{}.Merge(facts)
	}
	return book, nil
}

func (b *Book) add(name []string, data []byte) error {
	var err error
	facts := b.Pipelines[name[0]]
	switch {
	case len(name) == 2 && name[0] == "handled":
		var h []promote.Handled
		if h, err = decode(h, data); err == nil {
			b.Handled[h[0].Comment] = h[0]
		}
		return named(name, err)
	case len(name) == 3 && name[1] == "freight":
		facts.Freight, err = decode(facts.Freight, data)
	case len(name) != 5 || name[1] != "stages":
		return nil
	case name[3] == "proposals":
		facts.Proposals, err = decode(facts.Proposals, data)
	case name[3] == "arrivals":
		facts.Arrivals, err = decode(facts.Arrivals, data)
	case name[3] == "results":
		facts.Results, err = decode(facts.Results, data)
	case name[3] == "holds":
		facts.Holds, err = decode(facts.Holds, data)
	case name[3] == "overrides":
		facts.Overrides, err = decode(facts.Overrides, data)
	case name[3] == "rejections":
		facts.Rejections, err = decode(facts.Rejections, data)
	case name[3] == "ticks":
		facts.Ticks, err = decode(facts.Ticks, data)
	case name[3] == "alerts":
		facts.Alerts, err = decode(facts.Alerts, data)
	case name[3] == "told":
		facts.Told, err = decode(facts.Told, data)
	case name[3] == "takeovers":
		facts.Takeovers, err = decode(facts.Takeovers, data)
	case name[3] == "attempts":
		facts.Attempts, err = decode(facts.Attempts, data)
	case name[3] == "runs":
		facts.Runs, err = decode(facts.Runs, data)
	case name[3] == "published":
		facts.Published, err = decode(facts.Published, data)
	}
	b.Pipelines[name[0]] = facts
	return named(name, err)
}

func named(name []string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(name, "/"), err)
	}
	return nil
}

func decode[T any](to []T, data []byte) ([]T, error) {
	var fact T
	if err := json.Unmarshal(data, &fact); err != nil {
		return to, err
	}
	return append(to, fact), nil
}
