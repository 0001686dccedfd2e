package registry

import (
	"container/list"
	"sync"
)

// kept is what was downloaded, up to a number of bytes; what was used the
// longest ago goes first. It is safe for use by several goroutines.
type kept struct {
	mu    sync.Mutex
	room  int        // bytes
	byUse *list.List // of keptItem, the last one used first
	byKey map[keptKey]*list.Element
}

// keptKey holds the repository and the reader's rights too: who may read one may
// not read every other.
type keptKey struct{ rights, repository, name, digest string }

type keptItem struct {
	key   keptKey
	value any
	size  int
}

func newKept(room int) *kept {
	return &kept{room: room, byUse: list.New(), byKey: map[keptKey]*list.Element{}}
}

func (k *kept) get(key keptKey) (any, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.byKey[key]
	if !ok {
		return nil, false
	}
	k.byUse.MoveToFront(at)
	return at.Value.(keptItem).value, true
}

// put keeps a value of so many bytes; one that is too large for all of it is not
// kept.
func (k *kept) put(key keptKey, value any, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, ok := k.byKey[key]; ok {
		k.drop(at)
	}
	k.byKey[key] = k.byUse.PushFront(keptItem{key: key, value: value, size: size})
	for k.room -= size; k.room < 0; {
		k.drop(k.byUse.Back())
	}
}

func (k *kept) drop(at *list.Element) {
	item := k.byUse.Remove(at).(keptItem)
	delete(k.byKey, item.key)
	k.room += item.size
}
