package engine

import "testing"

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := newMemory[int, string](3)
	for i := range 1000 {
		m.keep(i, "first")
		m.keep(i, "last")
	}
	if len(m.values) != 3 || len(m.order) != 3 {
		t.Errorf("%d values and %d keys are kept, want 3", len(m.values), len(m.order))
	}
	for i := range 1000 {
		value, ok := m.get(i)
		if ok != (i >= 997) || ok && value != "last" {
			t.Errorf("%d is %q, %v", i, value, ok)
		}
	}
}
