package command

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDistance is how far a word may be from a stage that it may have meant (C3).
const maxDistance = 2

// stage finds the stage that is written `stage` or `pipeline/stage`.
func (n Names) stage(written string) (Stage, error) {
	found := n.called(written)
	switch len(found) {
	case 0:
		return Stage{}, n.unknown(written, strings.Contains(written, "/"))
	case 1:
		return found[0], nil
	}
	return Stage{}, fmt.Errorf("several pipelines have a %s %s; write %s", n.noun(), code(written), n.list(found, " or "))
}

// called returns the stages that are written `stage` or `pipeline/stage`.
func (n Names) called(written string) []Stage {
	full := strings.Contains(written, "/")
	var found []Stage
	for _, s := range n.Stages {
		if full && s.String() == written || !full && s.Name == written {
			found = append(found, s)
		}
	}
	return found
}

// warehouse finds the warehouse that is written `warehouse` or `pipeline/warehouse`.
func (n Names) warehouse(written string) (Stage, error) {
	return Names{Stages: n.Warehouses, of: "warehouse"}.stage(written)
}

func (n Names) noun() string { return cmp.Or(n.of, "stage") }

// unknown says that there is no such stage, and which may have been meant.
func (n Names) unknown(written string, full bool) error {
	if len(n.Stages) == 0 {
		return &unknownName{fmt.Sprintf("there are no %ss here", n.noun())}
	}
	if text := n.unknownStamp(written); text != "" {
		return &unknownName{text}
	}
	near := n.nearest(written, full)
	if len(near) > 0 {
		return &unknownName{fmt.Sprintf("there is no %s %s; did you mean %s?", n.noun(), code(written), n.list(near, " or "))}
	}
	return &unknownName{fmt.Sprintf("there is no %s %s; the %ss are %s", n.noun(), code(written), n.noun(), n.list(n.Stages, " and "))}
}

// unknownStamp says which stamps a stage has, where one is named that it has not;
// empty where no stage is meant.
func (n Names) unknownStamp(written string) string {
	bare, stamp, stamped := strings.Cut(written, "@")
	stages := n.called(bare)
	if !stamped || len(stages) == 0 {
		return ""
	}
	var known []Stage
	for _, s := range n.Stages {
		if slices.ContainsFunc(stages, func(of Stage) bool { return of.Pipeline == s.Pipeline && strings.HasPrefix(s.Name, of.Name+"@") }) {
			known = append(known, s)
		}
	}
	if len(known) == 0 {
		return fmt.Sprintf("the stage %s has no stamps", code(bare))
	}
	return fmt.Sprintf("the stage %s has no stamp %s; there are %s", code(bare), code(stamp), n.list(known, " and "))
}

// unknownName is the mistake of a name that no stage or warehouse here has.
type unknownName struct{ text string }

func (e *unknownName) Error() string { return e.text }

// nearest returns the stages that are nearest to a word, case aside, and near
// enough. All are compared by their full names or all by their short ones.
func (n Names) nearest(written string, full bool) []Stage {
	var near []Stage
	least := maxDistance
	word := strings.ToLower(written)
	for _, s := range n.Stages {
		name := s.Name
		if full {
			name = s.String()
		}
		d := distance(word, strings.ToLower(name), least)
		if d < least {
			least, near = d, nil
		}
		if d == least {
			near = append(near, s)
		}
	}
	return near
}

// list joins stages, each written in the shortest way that is not ambiguous.
func (n Names) list(stages []Stage, last string) string {
	const most = 12
	var words []string
	for _, s := range stages[:min(len(stages), most)] {
		words = append(words, code(n.shortest(s)))
	}
	if more := len(stages) - most; more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
		last = " and "
	}
	if len(words) == 1 {
		return words[0]
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + last + words[end]
}

func (n Names) shortest(s Stage) string {
	namesakes := slices.ContainsFunc(n.Stages, func(o Stage) bool { return o.Name == s.Name && o != s })
	if namesakes {
		return s.String()
	}
	return s.Name
}

// distance is the number of letters inserted, left out, exchanged for another
// or swapped with their neighbour between a and b (optimal string alignment);
// anything above limit may come out as limit+1.
func distance(a, b string, limit int) int {
	if gap := utf8.RuneCountInString(a) - utf8.RuneCountInString(b); gap > limit || -gap > limit {
		return limit + 1 // spares the work on a long word
	}
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			exchange := 1
			if x[i-1] == y[j-1] {
				exchange = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+exchange)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}
