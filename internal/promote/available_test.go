package promote

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

type availabilityRow struct {
	ID      string
	Request struct {
		Warehouse    string
		From         []string
		Availability json.RawMessage
		Soak         string
	}
	FreightWarehouse string
	Overridden       bool
	Stages           map[string]struct {
		Verified                    bool
		LongestCompletedStaySeconds int
		CurrentForSeconds           *int
	}
	Available any
	Why       string
}

// A1–A4: every row of the cases runs as it is.
func TestAvailabilityCases(t *testing.T) {
	data, err := os.ReadFile("../../testdata/cases/availability.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases struct{ Rows []availabilityRow }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases.Rows) < 24 {
		t.Fatalf("only %d rows", len(cases.Rows))
	}
	for _, row := range cases.Rows {
		t.Run(row.ID, func(t *testing.T) {
			answer, err := Available(row.question(t))
			want, isBool := row.Available.(bool)
			if !isBool {
				if err == nil {
					t.Errorf("%s: no error", row.Why)
				}
				return
			}
			if err != nil || answer.OK != want {
				t.Errorf("%s: got %v (%v), want %v; %v", row.Why, answer.OK, err, want, answer.Reasons)
			}
			if !answer.OK && len(answer.Reasons) == 0 {
				t.Error("a no without a reason (A10)")
			}
			if answer.OK && answer.Rule == "" {
				t.Error("a yes that does not say how")
			}
		})
	}
}

func (row availabilityRow) question(t *testing.T) Question {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var past []Rule
	if row.Overridden {
		past = []Rule{OverVerification, OverSoak}
	}
	q := Question{
		Past:      past,
		Stage:     "s",
		Request:   Request{Warehouse: row.Request.Warehouse, From: row.Request.From, Availability: strategyOf(t, row.Request.Availability)},
		Freight:   Freight{Warehouse: row.FreightWarehouse, Alias: "f"},
		Standings: map[string]Standing{},
		Now:       now,
	}
	if row.Request.Soak != "" {
		var err error
		if q.Request.Soak, err = time.ParseDuration(row.Request.Soak); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range row.Stages {
		standing := Standing{Verified: s.Verified, Longest: time.Duration(s.LongestCompletedStaySeconds) * time.Second}
		if s.CurrentForSeconds != nil {
			standing.Since = now.Add(-time.Duration(*s.CurrentForSeconds) * time.Second)
		}
		q.Standings[name] = standing
	}
	return q
}

func strategyOf(t *testing.T, raw json.RawMessage) Strategy {
	if len(raw) == 0 {
		return Strategy{}
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		return Strategy{Kind: StrategyKind(word)}
	}
	var numbers map[StrategyKind]int
	if err := json.Unmarshal(raw, &numbers); err != nil || len(numbers) != 1 {
		t.Fatalf("availability %s: %v", raw, err)
	}
	for kind, n := range numbers {
		return Strategy{Kind: kind, N: n}
	}
	return Strategy{}
}
