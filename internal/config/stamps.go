package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// lane is one stamp of a stage, with its variables over those of the stage.
type lane struct {
	stamp  string // empty: the stage has no stamps
	below  map[string]any
	layers []Map[Value]
	vars   map[string]any // of the stamp over the stage over the pipeline
}

// evaluate works out the variables in the lane's own scope.
func (l lane) evaluate(e *evaluator) map[string]any {
	vars := l.below
	for _, layer := range l.layers {
		e.scope.Vars = vars
		vars = e.vars(layer, vars)
	}
	return vars
}

// lanes are the stamps of a stage, in the order of their names, whatever that of
// the file; a stage without stamps is one lane without a name. Where the stamps can
// not be read, one stands for all, and they are not known.
func (b *builder) lanes(s rawStage) (out []lane, known bool) {
	if s.Stamps == nil {
		return []lane{{below: b.vars, layers: []Map[Value]{s.Vars}}}, true
	}
	names := b.stamps(s.Name.Value, *s.Stamps)
	if b.stamped+len(names) > maxStages {
		b.add(s.Stamps.At, "with the stamps of stage %q the pipeline has more than %d stages", s.Name.Value, maxStages)
		names = nil
	}
	b.stamped += len(names)
	known = len(names) > 0
	slices.SortFunc(names, naturally)
	own := map[string]Map[Value]{}
	for _, entry := range s.Stamps.Vars.Entries {
		own[entry.Key.Value] = entry.Value
		if known && !slices.Contains(names, entry.Key.Value) {
			b.add(entry.Key.At, "stage %q has no stamp %q; its stamps are %s", s.Name.Value, entry.Key.Value, alternatives(names[:min(len(names), 12)]))
		}
	}
	if !known {
		names = []string{"1"}
	}
	for _, name := range names {
		out = append(out, lane{stamp: name, below: b.vars, layers: []Map[Value]{s.Vars, own[name]}})
	}
	return out, known
}

// stamps are the names of a stage's stamps; none where they could not be read.
func (b *builder) stamps(stage string, raw rawStamps) []string {
	e := b.evaluator(b.scope(stage, "", b.vars))
	switch {
	case raw.Names.Set():
		return b.named(raw.Names)
	case raw.Count.Set():
		return numbered(raw.Count.Value)
	case raw.CountFrom.Set():
		return numbered(e.countFrom(raw.CountFrom, b.ctx))
	case raw.Directories.Set():
		return e.folders(raw.Directories, b.ctx)
	}
	return nil
}

func (b *builder) named(names List[Word]) []string {
	if names.empty() {
		b.add(names.At, "`names` lists no stamp")
	}
	var out []string
	for _, name := range names.Items {
		if slices.Contains(out, name.Value) {
			b.add(name.At, "stamp %q is there twice", name.Value)
		} else if name.Set() {
			out = append(out, name.Value)
		}
	}
	return out
}

// numbered are the stamps that a number makes; 0 is one that could not be read.
func numbered(count int) []string {
	var out []string
	for i := range min(count, maxStages+1) { // more are too many in any case
		out = append(out, strconv.Itoa(i+1))
	}
	return out
}

// asked is what the stamps of all pipelines asked the files of the repository. Each
// question is answered once, and what is read for them is bounded: the files may be
// those of a stranger's pull request.
type asked struct {
	left    int // bytes
	numbers map[string]number
	folders map[string][]string
}

type number struct {
	value int
	err   error
}

// countFrom reads a number at a key of a file; 0 where there is none (S4).
func (e *evaluator) countFrom(from Text, ctx Context) int {
	place := e.text(from)
	if place == "" {
		return 0
	}
	name, key, _ := strings.Cut(place, "#")
	if err := errors.Join(isPath(name), formats["key"](key)); err != nil {
		e.add(from.At, "%s: %s", from.field.label(), err)
		return 0
	}
	if ctx.Tree == nil {
		e.add(from.At, "`countFrom` needs the files of the repository, which are not at hand")
		return 0
	}
	found, known := ctx.asked.numbers[place]
	if !known {
		found.value, found.err = ctx.number(name, key)
		ctx.asked.numbers[place] = found
	}
	if found.err != nil {
		e.add(from.At, "%s", found.err)
	}
	return found.value
}

func (c Context) number(name, key string) (int, error) {
	data, err := c.read(path.Clean(name))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	found, err := directives.Lookup(data, key)
	if err != nil {
		return 0, fmt.Errorf("%s of %s: %w", key, name, err)
	}
	count, ok := wholeNumber(found)
	if !ok {
		return 0, fmt.Errorf("%s of %s (line %d) must be a whole number of at least 1, not %s", key, name, found.Line, describe(found))
	}
	return count, nil
}

func (c Context) read(name string) ([]byte, error) {
	info, err := fs.Stat(c.Tree, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("it is longer than %d MiB", maxFile>>20)
	}
	if c.asked.left -= int(info.Size()); c.asked.left < 0 {
		return nil, fmt.Errorf("the files that stamps are counted from are longer than %d MiB together", maxWork>>20)
	}
	return fs.ReadFile(c.Tree, name)
}

// wholeNumber reads a number of at least 1, which may be written as 3.0.
func wholeNumber(n *yaml.Node) (int, bool) {
	var number float64
	if tag := n.ShortTag(); n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || n.Decode(&number) != nil {
		return 0, false
	}
	if number < 1 || number != math.Trunc(number) || number > math.MaxInt32 {
		return 0, false
	}
	return int(number), true
}

// folders makes a stamp of each folder that a glob matches. It is called as that
// part of the path which the last wildcard stands for, since all others are alike.
func (e *evaluator) folders(glob Text, ctx Context) []string {
	pattern := e.text(glob)
	if pattern == "" {
		return nil
	}
	if ctx.Tree == nil {
		e.add(glob.At, "`directories` needs the files of the repository, which are not at hand")
		return nil
	}
	pattern = path.Clean(pattern)
	matches, known := ctx.asked.folders[pattern]
	if !known {
		var err error
		if matches, err = fs.Glob(ctx.Tree, pattern); err != nil {
			e.add(glob.At, "list %s: %s", pattern, err)
			return nil
		}
		ctx.asked.folders[pattern] = matches
	}
	parts := strings.Split(pattern, "/")
	part := len(parts) - 1
	for i, p := range parts {
		if strings.ContainsAny(p, `*?[`) {
			part = i
		}
	}
	var out []string
	from, before := map[string]string{}, len(e.entries)
	for _, folder := range matches {
		if info, err := fs.Stat(ctx.Tree, folder); err != nil || !info.IsDir() {
			continue // a file beside the folders
		}
		stamp := strings.Split(folder, "/")[part]
		if err := formats["name"](stamp); err != nil {
			e.add(glob.At, "folder %s makes no stamp: %s", folder, err)
			continue
		}
		if other := from[stamp]; other != "" {
			e.add(glob.At, "folders %s and %s both make stamp %q", other, folder, stamp)
			continue
		}
		from[stamp], out = folder, append(out, stamp)
	}
	if len(from) == 0 && len(e.entries) == before {
		e.add(glob.At, "no folder matches %s, so stage %q would have no stamp", pattern, e.scope.Stage)
	}
	return out
}

// joinLanes takes in what is wrong in the lanes of a stage. What is so in each of
// them is wrong once, and the rest names its stamps.
func (b *builder) joinLanes(lanes []lane, found []*collector) {
	in := map[Mistake]int{}
	for _, c := range found {
		seen := map[Mistake]bool{}
		for _, e := range c.entries {
			if !seen[e.Mistake] {
				seen[e.Mistake] = true
				in[e.Mistake]++
			}
		}
	}
	for i, c := range found {
		for k, e := range c.entries {
			if in[e.Mistake] < len(lanes) {
				c.entries[k].instance = joined(e.instance, "stamp "+lanes[i].stamp)
			}
		}
		b.join(c)
	}
}

func joined(outer, inner string) string {
	if outer == "" {
		return inner
	}
	return outer + ", " + inner
}

// checkObserved reports lanes that look at one place: what others put there would
// arrive in each of them.
func (b *builder) checkObserved(s builtStage) {
	for i, lane := range s.lanes {
		for _, other := range s.lanes[:i] {
			if at := lane.domain.Target; at.Branch != "" && at == other.domain.Target {
				b.add(s.raw.Observe.At, "%s and %s both look at %s of branch %s", lane.domain.Name, other.domain.Name, folder(at), at.Branch)
			}
		}
	}
}

// pair makes out which lanes each lane takes from, where an upstream stage has
// stamps: the same stamp, or those that the request says (S3).
func (b *builder) pair() {
	for _, s := range b.stages {
		for i, raw := range s.raw.Requests.Items {
			if i >= len(s.requests) {
				break
			}
			b.pairRequest(s, raw, i)
		}
	}
}

func (b *builder) pairRequest(s builtStage, raw rawRequest, at int) {
	any := false
	for _, from := range raw.From.Items {
		if b.index(from.Value) < 0 {
			return // reported
		}
		up := b.stages[b.index(from.Value)]
		if up.raw.Stamps == nil {
			continue
		}
		any = true
		switch {
		case raw.Stamps.Set():
		case s.raw.Stamps == nil:
			b.add(from.At, "stage %q takes from %q, which has stamps: say `stamps: all` or `stamps: any`", s.name, from.Value)
		default:
			b.pairStamps(s, up, from, at)
		}
	}
	if raw.Stamps.Value == string(promote.AnyStamp) && any && raw.matchAt().Set() {
		b.add(raw.matchAt(), "`select: match-upstream` means what the upstream stage holds, and with `stamps: any` its lanes may hold different freight; say `all`")
	}
	if raw.Stamps.Set() && !any && len(raw.From.Items) > 0 {
		b.add(raw.Stamps.At, "`stamps` means nothing here: none of the upstream stages has stamps")
	}
}

// pairStamps makes each lane of a stage take from the same stamp of an upstream.
func (b *builder) pairStamps(s, up builtStage, from Word, at int) {
	for i, lane := range s.lanes {
		paired := promote.StampedName(up.name, lane.stamp)
		if !up.has(lane.stamp) {
			if !s.vague && !up.vague {
				b.add(from.At, "stage %q has the stamp %q, and %q, from which it takes the same one, has not; `stamps: all` or `stamps: any` takes from all of its stamps", s.name, lane.stamp, up.name)
			}
			continue
		}
		request := &s.lanes[i].domain.Requests[at]
		request.From = slices.Clone(request.From)
		for k, name := range request.From {
			if name == up.name {
				request.From[k] = paired
			}
		}
	}
}

func (s builtStage) has(stamp string) bool {
	return slices.ContainsFunc(s.lanes, func(l builtLane) bool { return l.stamp == stamp })
}
