package engine

// maxRemembered bounds what a bot that runs for months keeps of each kind: more
// than what it needs at once by far. What is forgotten is asked again.
const maxRemembered = 10_000

// memory keeps the newest of what was learned, up to a limit. The engine's lock
// guards it.
type memory[K comparable, V any] struct {
	limit  int
	values map[K]V
	order  []K // as they were first kept
}

func newMemory[K comparable, V any](limit int) *memory[K, V] {
	return &memory[K, V]{limit: limit, values: map[K]V{}}
}

func (m *memory[K, V]) get(key K) (V, bool) {
	value, ok := m.values[key]
	return value, ok
}

func (m *memory[K, V]) keep(key K, value V) {
	if _, known := m.values[key]; !known {
		m.order = append(m.order, key)
	}
	m.values[key] = value
	if len(m.order) > m.limit {
		delete(m.values, m.order[0])
		m.order = m.order[1:]
	}
}
