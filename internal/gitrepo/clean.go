package gitrepo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// gone is the end of the name of a mirror that is being removed.
const gone = ".gone"

// mirrorDir is a mirror as it lies on disk.
type mirrorDir struct {
	path string
	used time.Time
	size int64
}

// Clean removes the mirrors that were used least recently until those on disk
// take no more than maxBytes, counted in whole blocks. One that is held is left
// alone; whoever uses another one meanwhile finds it empty, and what is needed
// is fetched again. Mirrors in memory stay.
func (m *Mirrors) Clean(maxBytes int64) error {
	if m.dir == "" {
		return nil
	}
	found, err := m.onDisk()
	if err != nil {
		return fmt.Errorf("clean mirrors: %w", err)
	}
	var total int64
	for _, d := range found {
		total += d.size
	}
	var failed error
	for _, d := range found {
		if total <= maxBytes && !strings.HasSuffix(d.path, gone) {
			break
		}
		removed, err := m.remove(d)
		if removed {
			total -= d.size
		}
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return fmt.Errorf("clean mirrors: %w", failed)
	}
	return nil
}

// onDisk lists the mirrors, first what an earlier Clean left, then the least
// recently used.
func (m *Mirrors) onDisk() ([]mirrorDir, error) {
	entries, err := os.ReadDir(m.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []mirrorDir
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() || !strings.HasSuffix(strings.TrimSuffix(name, gone), ".git") {
			continue
		}
		d := mirrorDir{path: filepath.Join(m.dir, e.Name())}
		if !strings.HasSuffix(d.path, gone) {
			info, err := e.Info()
			if err != nil {
				continue // just removed
			}
			d.used = info.ModTime()
		}
		d.size = sizeOf(d.path)
		found = append(found, d)
	}
	slices.SortFunc(found, func(a, b mirrorDir) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path)) })
	return found, nil
}

// block is what a file takes on most file systems, however small it is.
const block = 4096

// sizeOf adds up what is under a path. Files come and go meanwhile, and what
// can not be looked at counts nothing.
func sizeOf(path string) (size int64) {
	filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += (info.Size() + block - 1) / block * block
		}
		return nil
	})
	return size
}

// remove empties a mirror that is open, and removes one that is not.
func (m *Mirrors) remove(d mirrorDir) (bool, error) {
	open, aside, err := m.putAside(d.path)
	if err != nil {
		return false, err
	}
	if open == nil {
		return true, os.RemoveAll(aside)
	}
	return open.empty()
}

// putAside gives the repository that has a mirror open, or moves the mirror out
// of the way of those who are about to open it.
func (m *Mirrors) putAside(path string) (open *Repo, aside string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.repos {
		if r.objects.dir == path {
			return r, "", nil
		}
	}
	if strings.HasSuffix(path, gone) {
		return nil, path, nil
	}
	aside = path + gone
	return nil, aside, os.Rename(path, aside)
}

// Hold keeps Clean away from the mirror until release is called, once.
func (r *Repo) Hold() (release func()) {
	r.held.RLock()
	return r.held.RUnlock
}

// empty throws the mirror away unless somebody holds it.
func (r *Repo) empty() (bool, error) {
	if !r.held.TryLock() {
		return false, nil
	}
	defer r.held.Unlock()
	return true, r.startOver(r.objects.now())
}

// touch notes on disk that a mirror is used. A mirror that can not be touched
// is only removed sooner.
func touch(dir string) {
	if dir != "" {
		now := time.Now()
		os.Chtimes(dir, now, now)
	}
}
