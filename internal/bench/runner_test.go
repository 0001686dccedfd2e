package main

import (
	"encoding/json"
	"os"
	"testing"
)

// The strategies that the runner is compared with take what the file says that
// they take, and the bounds are the file's. Nothing is timed.
func TestStrategies(t *testing.T) {
	const file = "../../" + componentFile
	all, err := readComponents(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		LowerBoundSeconds    map[string]int
		ForComparisonSeconds map[string]map[string]int
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	slots := map[string]int{"1": 1, "2": 2, "3": 3, "4": 4, "6": 6, "unlimited": 0}
	check := func(what string, of func(int) int, want map[string]int) {
		t.Helper()
		if len(want) == 0 {
			t.Errorf("the file does not tell of %s", what)
		}
		for cap, seconds := range want {
			if got := of(slots[cap]); got != seconds {
				t.Errorf("%s, cap %s: %d s, want %d s", what, cap, got, seconds)
			}
		}
	}
	free := all.free()
	check("waves", free.waves, want.ForComparisonSeconds["waves, first come first served"])
	check("first come", free.firstCome, want.ForComparisonSeconds["events, first come first served"])
	check("bound", free.bound, want.LowerBoundSeconds)
	check("ours", func(slots int) int {
		took, err := free.ours(slots)
		if err != nil {
			t.Error(err)
		}
		return took
	}, want.LowerBoundSeconds)
	for _, n := range slots {
		ours, err := all.ours(n)
		if bound := all.bound(n); err != nil || ours < bound || ours > all.firstCome(n) {
			t.Errorf("with resources, %d at once: %d s, want between %d s and %d s (%v)", n, ours, bound, all.firstCome(n), err)
		}
	}
}
