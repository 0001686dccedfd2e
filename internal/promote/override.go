package promote

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Override says that one person lets freight into one stage past what the policy
// lists (H2).
type Override struct {
	Stage     string    `json:"stage"`
	Warehouse string    `json:"warehouse"`
	Freight   string    `json:"freight"` // id
	By        string    `json:"by"`
	Reason    string    `json:"reason"`
	Comment   int64     `json:"comment"`
	At        time.Time `json:"at"`
}

// Exemption says who may let freight past what.
type Exemption struct {
	People int // how many must say so; 0: nobody can
	Users  []string
	Teams  []string // org/slug
	Over   []Rule
}

// Rule is something that an override can go past.
type Rule string

// The rules that a policy can let people go past.
const (
	OverVerification Rule = "verification"
	OverSoak         Rule = "soak"
	OverWindow       Rule = "window"
)

// Overriding are the people who let freight into a stage past the rules, the first
// word of each, and whether they are enough for today's policy.
func (p StagePolicy) Overriding(f Facts, stage, freight string) (by []Override, enough bool) {
	for _, o := range f.Overrides {
		said := func(other Override) bool { return strings.EqualFold(other.By, o.By) }
		if o.Stage == stage && o.Freight == freight && !slices.ContainsFunc(by, said) {
			by = append(by, o)
		}
	}
	return by, p.Override.People > 0 && len(by) >= p.Override.People
}

// Named finds freight that a stage could have, by id or alias, in any of its slots
// where no warehouse is named.
func (f Facts) Named(s Stage, warehouse, name string) (Freight, error) {
	var found []Freight
	for _, r := range s.Requests {
		if warehouse != "" && r.Warehouse != warehouse {
			continue
		}
		if freight, ok := f.find(r.Warehouse, name); ok {
			found = append(found, freight)
		}
	}
	_, requested := s.Request(warehouse)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Freight{}, fmt.Errorf("several warehouses have freight %q: say which, as in %s=%s", name, found[0].Warehouse, name)
	case warehouse != "" && !requested:
		return Freight{}, fmt.Errorf("the stage requests no warehouse %q", warehouse)
	}
	return Freight{}, fmt.Errorf("there is no freight %q that the stage requests", name)
}

// letPast are the rules that freight may go past into a stage, and who says so.
func (d *decision) letPast(stage Stage, freight string) (rules []Rule, by []string) {
	policy := d.policies.For(d.pipeline.Name, stage.Name)
	said, enough := policy.Overriding(d.snapshot.Facts, stage.Name, freight)
	if !enough {
		return nil, nil
	}
	for _, o := range said {
		by = append(by, o.By)
	}
	return policy.Override.Over, by
}

func (d *decision) pastWindow(freight string) bool {
	rules, _ := d.letPast(d.stage, freight)
	return slices.Contains(rules, OverWindow)
}

// somePastWindow tells whether there is freight that may come while the window is
// closed, and that the stage does not hold.
func (d *decision) somePastWindow() bool {
	return slices.ContainsFunc(d.snapshot.Facts.Overrides, func(o Override) bool {
		return o.Stage == d.stage.Name && o.Freight != d.held[o.Warehouse] && d.pastWindow(o.Freight)
	})
}
