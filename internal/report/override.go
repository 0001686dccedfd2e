package report

import (
	"fmt"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Overrides are the people who let freight of a promotion past rules, where they
// are enough: what a reviewer has to know. Those of what the stage holds already
// are history.
func (v View) Overrides(stage string, freight map[string]string) []promote.Override {
	policy := v.Policy.For(v.Pipeline.Name, stage)
	holding, _ := v.Snapshot.Facts.Holding(stage)
	var out []promote.Override
	for _, w := range v.Pipeline.Warehouses {
		id := freight[w.Name]
		if id == "" || id == holding.Freight[w.Name] {
			continue
		}
		if by, enough := policy.Overriding(v.Snapshot.Facts, stage, id); enough {
			out = append(out, by...)
		}
	}
	return out
}

// overridden is one of them in words, safe already.
func (v View) overridden(stage string, o promote.Override) string {
	freight, _ := v.Snapshot.Facts.FreightByID(o.Freight)
	return fmt.Sprintf("%s lets %s past %s: %s", code(o.By), code(Name(freight)), rules(v.Policy.For(v.Pipeline.Name, stage).Override.Over), prose(o.Reason))
}

func rules(list []promote.Rule) string {
	words := make([]string, len(list))
	for i, rule := range list {
		words[i] = string(rule)
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return strings.Join(words, "")
}

// Overridden answers /override: how many people have said so, and what follows.
func Overridden(policy promote.StagePolicy, facts promote.Facts, stage string, freight promote.Freight) string {
	by, enough := policy.Overriding(facts, stage, freight.ID)
	var people []string
	for _, o := range by {
		people = append(people, code(o.By))
	}
	said := fmt.Sprintf("Override of %s for %s by %s (%d of %d people).",
		code(Name(freight)), code(stage), strings.Join(people, ", "), len(by), policy.Override.People)
	promotes := fmt.Sprintf("%s promotes it", code(fmt.Sprintf("/promote %s %s=%s", stage, freight.Warehouse, freight.Alias)))
	if policy.Auto {
		promotes = "it is promoted when it is the newest that is available, and " + promotes + " in any case"
	}
	if !enough {
		return said + fmt.Sprintf(" It counts when %d people have said so.", policy.Override.People)
	}
	return fmt.Sprintf("%s It goes past %s; %s.", said, rules(policy.Override.Over), promotes)
}

// NotOverridden answers an /override that means nothing.
func NotOverridden(stage string, why error) string {
	return fmt.Sprintf("Nothing is overridden for %s: %s.", code(stage), prose(why.Error()))
}

// Approve answers /approve, which is what people know from elsewhere.
func Approve() string {
	return "a comment approves nothing. What a promotion needs is an approving review of its pull request: " +
		"**Files changed**, **Review changes**, **Approve**. To let freight past what it waits for, where the policy has it: " +
		code("/override <freight> <stage> --reason <words>") + "."
}
