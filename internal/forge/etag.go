package forge

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"sync"
)

const (
	cacheLimit = 32 << 20 // bytes of bodies over all installations
	entryLimit = 1 << 20
)

// answers remembers the latest tagged answers, of all installations together,
// the least recently used going first. GitHub does not count a question whose
// answer is "not modified".
type answers struct {
	mu    sync.Mutex
	limit int
	size  int
	order *list.List // of *answer, the latest first
	byKey map[string]*list.Element
}

type answer struct {
	key    string
	tag    string
	header http.Header
	body   []byte
}

func newAnswers(limit int) *answers {
	return &answers{limit: limit, order: list.New(), byKey: map[string]*list.Element{}}
}

func (a *answers) get(key string) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	element, ok := a.byKey[key]
	if !ok {
		return nil
	}
	a.order.MoveToFront(element)
	return element.Value.(*answer)
}

func (a *answers) put(entry *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.byKey[entry.key]; ok {
		a.drop(old)
	}
	a.byKey[entry.key] = a.order.PushFront(entry)
	a.size += len(entry.body)
	for a.size > a.limit {
		a.drop(a.order.Back())
	}
}

func (a *answers) drop(element *list.Element) {
	entry := a.order.Remove(element).(*answer)
	delete(a.byKey, entry.key)
	a.size -= len(entry.body)
}

// conditional asks with the tag of the answer it holds, and gives that answer
// again when GitHub says that it still holds. Above it nobody sees a 304.
type conditional struct {
	next  http.RoundTripper
	known *answers
	scope string // whose answers these are; another credential may see other things
}

func (c *conditional) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return c.next.RoundTrip(req)
	}
	key := c.scope + "\n" + req.Header.Get("Accept") + "\n" + req.URL.String()
	held := c.known.get(key)
	if held != nil {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", held.tag)
	}
	resp, err := c.next.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case held != nil && resp.StatusCode == http.StatusNotModified:
		resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
		resp.Header = held.header.Clone()
		return withBody(resp, held.body), nil
	case resp.StatusCode == http.StatusOK && resp.Header.Get("ETag") != "" && resp.ContentLength <= entryLimit:
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		c.known.put(&answer{key: key, tag: resp.Header.Get("ETag"), header: resp.Header.Clone(), body: bytes.Clone(body)})
		return withBody(resp, body), nil
	}
	return resp, nil
}
