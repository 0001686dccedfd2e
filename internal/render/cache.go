package render

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/towpath/towpath/internal/directives"
)

// bounds are how much a cache keeps, in bytes.
type bounds struct {
	memory int
	disk   int64
}

// Cache is a renderer that does not render again what it has rendered: a
// rendering is kept under a hash of everything that can change it, which is the
// program, what is asked for, and the whole tree. Renderings that failed are not
// kept. What it keeps is bounded, the least recently used goes first. It is safe
// for concurrent use, and several processes may share a folder.
type Cache struct {
	next    directives.Renderer
	dir     string // empty: memory only
	program string
	most    bounds

	mu     sync.Mutex
	order  *list.List // of *kept, the most recently used first
	byKey  map[string]*list.Element
	memory int
	disk   int64 // about as much is there: other processes write as well
}

type kept struct {
	key  string
	text []byte
}

var _ directives.Renderer = (*Cache)(nil)

// NewCache keeps what next renders in memory, and under dir as well unless that
// is empty.
func NewCache(next directives.Renderer, dir string) (*Cache, error) {
	c := &Cache{next: next, dir: dir, program: program(), most: bounds{memory: 32 << 20, disk: 256 << 20}, order: list.New(), byKey: map[string]*list.Element{}}
	if dir == "" {
		return c, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // renderings hold Secrets
		return nil, fmt.Errorf("render cache: %w", err)
	}
	if err := c.prune(); err != nil {
		return nil, fmt.Errorf("render cache: %w", err)
	}
	return c, nil
}

// program identifies this very program, the versions of its renderers included.
func program() string {
	id := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		id = info.String()
	}
	// Builds with uncommitted changes, and builds of tests, tell nothing apart.
	if path, err := os.Executable(); err == nil {
		if file, err := os.Stat(path); err == nil {
			id += fmt.Sprint(file.Size(), file.ModTime().UnixNano())
		}
	}
	return id
}

// Kustomize implements [directives.Renderer].
func (c *Cache) Kustomize(ctx context.Context, tree fs.FS, build directives.KustomizeBuild) ([]byte, error) {
	return c.cached(tree, "kustomize "+build.Path, func() ([]byte, error) { return c.next.Kustomize(ctx, tree, build) })
}

// Helm implements [directives.Renderer].
func (c *Cache) Helm(ctx context.Context, tree fs.FS, template directives.HelmTemplate) ([]byte, error) {
	values := describe(template.Values)
	rest := template
	rest.Values = nil
	asked, err := json.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("describe the rendering: %w", err)
	}
	return c.cached(tree, "helm "+string(asked)+values, func() ([]byte, error) { return c.next.Helm(ctx, tree, template) })
}

// describe tells values apart that JSON does not: 1 and 1.0.
func describe(value any) string {
	switch value := value.(type) {
	case map[string]any:
		text := "{"
		for _, key := range slices.Sorted(maps.Keys(value)) {
			text += fmt.Sprintf("%q: %s, ", key, describe(value[key]))
		}
		return text + "}"
	case []any:
		text := "["
		for _, item := range value {
			text += describe(item) + ", "
		}
		return text + "]"
	}
	return fmt.Sprintf("%T %#v", value, value)
}

func (c *Cache) cached(tree fs.FS, asked string, render func() ([]byte, error)) ([]byte, error) {
	known, ok := tree.(interface{ Identity() (string, error) })
	if !ok {
		return render()
	}
	identity, err := known.Identity()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", c.program, asked, identity))
	key := hex.EncodeToString(sum[:])
	if text, ok := c.get(key); ok {
		return text, nil
	}
	text, err := render()
	if err != nil {
		return nil, err
	}
	c.keep(key, text)
	return text, nil
}

// get returns a copy of what is kept.
func (c *Cache) get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.order.MoveToFront(e)
		return slices.Clone(e.Value.(*kept).text), true
	}
	if c.dir == "" {
		return nil, false
	}
	name := filepath.Join(c.dir, key)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, false
	}
	if len(data) < sha256.Size || sha256.Sum256(data[sha256.Size:]) != [sha256.Size]byte(data) {
		_ = os.Remove(name) // damaged; it is rendered again in any case
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // only what goes first depends on it
	text := data[sha256.Size:]
	c.remember(key, text)
	return slices.Clone(text), true
}

// keep keeps a rendering. A full disk costs time and not the promotion, so that it
// could not be written is no error.
func (c *Cache) keep(key string, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remember(key, slices.Clone(text))
	if c.dir == "" || c.write(key, text) != nil {
		return
	}
	if c.disk += int64(len(text)); c.disk > c.most.disk {
		_ = c.prune()
	}
}

func (c *Cache) remember(key string, text []byte) {
	if len(text) > c.most.memory || c.byKey[key] != nil {
		return
	}
	c.byKey[key] = c.order.PushFront(&kept{key, text})
	for c.memory += len(text); c.memory > c.most.memory; {
		last := c.order.Remove(c.order.Back()).(*kept)
		delete(c.byKey, last.key)
		c.memory -= len(last.text)
	}
}

// write puts a rendering on disk, whole or not at all.
func (c *Cache) write(key string, text []byte) error {
	draft, err := os.CreateTemp(c.dir, "draft-")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	_, err = draft.Write(append(sum[:], text...))
	if err = errors.Join(err, draft.Close()); err == nil {
		err = os.Rename(draft.Name(), filepath.Join(c.dir, key))
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}

// prune counts what is on disk, and where that is too much removes what was used
// longest ago until three quarters are left.
func (c *Cache) prune() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	c.disk = 0
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // or another process removed it
			files = append(files, info)
			c.disk += info.Size()
		}
	}
	if c.disk <= c.most.disk {
		return nil
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if c.disk <= c.most.disk*3/4 {
			break
		}
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		c.disk -= f.Size()
	}
	return nil
}
