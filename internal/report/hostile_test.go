package report

import (
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/promote"
)

// hostile is the world with one evil text in the place of every name, note and
// address that comes from outside.
func hostile(evil string) View {
	w := newWorld()
	w.pipeline.Repository, w.pipeline.Name, w.pipeline.Warehouses[0].Name = evil, evil, evil
	gate := promote.Gate{Name: evil, Source: promote.FromCheck, Match: "*", Required: true, Owner: evil}
	for i := range w.pipeline.Stages {
		s := &w.pipeline.Stages[i]
		s.Name, s.Gates = evil+s.Name, []promote.Gate{gate, {Name: evil, Source: promote.FromStatus, Match: "*", Owner: evil}}
		s.Requests[0].Warehouse = evil
		for j := range s.Requests[0].From {
			s.Requests[0].From[j] = evil + s.Requests[0].From[j]
		}
	}
	freight := func(at int) promote.Freight {
		return promote.Freight{
			ID: evil + strings.Repeat("f", at+1), Alias: evil, Warehouse: evil, Selected: minute(at),
			Images:  []promote.Image{{Repository: evil, Tag: evil + strings.Repeat("x", at), Digest: evil, Revision: evil + strings.Repeat("x", at)}},
			Charts:  []promote.Chart{{Repository: evil, Name: evil, Version: evil, Digest: evil}},
			Commits: []promote.Commit{{Repository: ".", ID: evil + strings.Repeat("x", at)}, {Repository: evil, ID: evil}},
		}
	}
	old, next := freight(0), freight(1)
	w.snapshot.Facts.Freight = []promote.Freight{old, next}
	for i, s := range w.pipeline.Stages {
		for j, f := range []promote.Freight{old, next} {
			if i == 3 && j == 1 {
				continue
			}
			commit := strings.Repeat("a", 10*i+j+1)
			w.snapshot.Facts.Arrivals = append(w.snapshot.Facts.Arrivals, promote.Arrival{
				Stage: s.Name, Manner: promote.ByMerge, Freight: map[string]string{evil: f.ID}, Commit: commit, Tree: commit, At: minute(10 * j), Config: evil, By: evil,
			})
			w.snapshot.Facts.Results = append(w.snapshot.Facts.Results, promote.Result{
				Stage: s.Name, Commit: commit, Source: promote.FromCheck, Name: evil, State: evil, URL: "https://x/) " + evil, At: minute(10*j + 5),
			})
		}
	}
	prod := w.pipeline.Stages[3].Name
	w.snapshot.Facts.Arrivals = append(w.snapshot.Facts.Arrivals, promote.Arrival{Stage: prod, Manner: promote.ByDrift, Commit: evil, Tree: evil, At: minute(50)})
	w.snapshot.Facts.Holds = []promote.Hold{{Stage: w.pipeline.Stages[0].Name, Cause: promote.HeldByCommand, By: evil, Reason: evil, At: minute(1)}}
	w.snapshot.Stages[prod] = promote.StageState{Open: &promote.Open{
		Proposal: promote.Proposal{
			Stage: prod, Freight: map[string]string{evil: next.ID}, Rule: evil, By: evil, Config: evil + "x", Unverified: []string{evil, evil},
			Sources: []promote.SourceCommit{{Repository: evil, Ref: evil, Commit: evil}}, At: minute(60),
		},
		PullRequest: 12, URL: "https://x/|" + evil, Commit: evil, Mergeable: promote.Mergeable(evil),
	}}
	w.snapshot.Passed = []promote.Passed{{Warehouse: evil, Item: evil, Reason: evil, Detail: evil}}
	v := w.view()
	last := &v.Verdicts[3]
	last.Reasons, last.Blocked = allReasons(evil), []promote.Reason{{Kind: promote.GateFailed, Stage: evil, Gate: evil, Note: evil}}
	last.Pins, last.Frees = []string{evil}, []string{evil, ""}
	return v
}

// allReasons is one of each kind there is.
func allReasons(evil string) []promote.Reason {
	var out []promote.Reason
	for _, kind := range []promote.ReasonKind{
		promote.WaitingFor, promote.Soaking, promote.LeftEarly, promote.GatePending, promote.GateFailed, promote.GateTimedOut, promote.NotThere,
		promote.Drifted, promote.FirstFreight, promote.OtherWarehouse, promote.Incomplete, promote.UnknownFreight, promote.Rejected, promote.ByHand,
		promote.HeldBy, promote.Frozen, promote.Approved, promote.Queued, promote.BaseMoved, promote.OutOfDate, promote.Unopened, promote.ForeignHead, promote.ForeignBranch,
		promote.LedgerLost, promote.DiscoveryFailed, promote.RenderFailed, promote.PromotionFailed, promote.Conflict, promote.MergeWaits,
		promote.MovedSince, promote.CombinationUnseen, promote.NotAccepted, promote.NotAllowed, promote.PolicyBroken, promote.OtherRepository, promote.Unpushed,
	} {
		out = append(out, promote.Reason{Kind: kind, Stage: evil, Warehouse: evil, Freight: evil, Gate: evil, By: evil, Note: evil, Have: 1, Need: 2, Until: minute(90)})
	}
	return out
}

// No name, tag, reason, user, resource, value or address can make a mention, a
// link, HTML, a cell, a node or a line of its own, in any text.
func TestHostileNames(t *testing.T) {
	for _, word := range evil {
		if len(word) > 100 {
			continue // long texts are cut; what they do then is seen in the tests of the bounds
		}
		v := hostile(word)
		prod := v.Pipeline.Stages[3].Name
		var changes []directives.ResourceChange
		for range 6 {
			changes = append(changes, directives.ResourceChange{
				Kind: word, Namespace: word, Name: word, Path: word, Action: directives.Changed, More: 3,
				Fields: []directives.FieldChange{{Path: word, Old: word, New: word}, {Path: word, New: word}},
			}, directives.ResourceChange{Path: word, Action: directives.Added})
		}
		title, body := PullRequest(v, prod, changes)
		texts := []string{
			body, Proposed(v, prod).Summary, Waiting([]View{v}).Summary, Broken([]string{word}).Summary,
			Status([]View{v}, nil, []string{word}), Hold(promote.Hold{Stage: word}), Hold(promote.Hold{Stage: word, Released: true}),
		}
		for _, action := range []promote.Action{promote.Promote, promote.Opened, promote.Current, promote.Wait, promote.Held} {
			v.Verdicts[3].Action = action
			texts = append(texts, Outcome(v, prod))
			drawable(t, Mermaid(Graph{View: v}))
		}
		v.Verdicts[3].Refused = true
		texts = append(texts, Outcome(v, prod))
		for _, text := range texts {
			wellFormed(t, text)
		}
		merge, _ := MergeMessage(v, prod)
		for _, text := range []string{title, merge} {
			oneLine(t, text, 256)
			if found := autolinked.FindAllString(text, -1); len(found) > 0 {
				t.Errorf("GitHub would link %q in %q", found, text)
			}
		}
		for l := range strings.Lines(Plain(v)) {
			oneLine(t, strings.TrimSuffix(l, "\n"), 5000)
		}
		if t.Failed() {
			t.Fatalf("with %q", word)
		}
	}
}
