package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"github.com/go-git/go-git/v5/storage/memory"
)

// cacheBytes bounds the objects of one mirror that are kept unpacked in
// memory while the mirror is on disk.
const cacheBytes = 16 << 20

// deltaBytes bounds what go-git keeps in memory to apply deltas to.
const deltaBytes = 4 << 20

// packFrom is the number of objects from which a fetch stays one pack on disk.
// Below it objects are written loose: a pack per fetch makes every read look
// through hundreds of indexes.
const packFrom = 500

var errMissing = errors.New("object is not in the mirror")

// damageError says that an object is in the mirror and can not be read.
type damageError struct {
	err error
	era int // of the store, see reset
}

func (e *damageError) Error() string { return "mirror is damaged: " + e.err.Error() }
func (e *damageError) Unwrap() error { return e.err }

// object is an unpacked git object. Its data is shared: nobody writes to it.
type object struct {
	kind plumbing.ObjectType
	data []byte
}

func (o object) id() plumbing.Hash { return plumbing.ComputeHash(o.kind, o.data) }

func readObject(from plumbing.EncodedObject) (object, error) {
	r, err := from.Reader()
	if err != nil {
		return object{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return object{}, err
	}
	return object{kind: from.Type(), data: data}, nil
}

func (o object) encoded() *plumbing.MemoryObject {
	m := &plumbing.MemoryObject{}
	m.SetType(o.kind)
	m.Write(o.data) // a MemoryObject takes every write
	return m
}

// store holds the objects of one mirror. It is safe for parallel use; go-git's
// storage below it is not, not even for reading.
type store struct {
	dir string // "" : in memory only

	mu      sync.Mutex
	disk    *filesystem.ObjectStorage // nil without a dir
	objects map[plumbing.Hash]object  // everything without a dir, else a cache
	cached  int                       // bytes in objects, with a dir
	era     int                       // counts resets
}

func openStore(dir string) (*store, error) {
	s := &store{dir: dir, objects: map[plumbing.Hash]object{}}
	if dir == "" {
		return s, nil
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.disk.HasEncodedObject(plumbing.ZeroHash); !errors.Is(err, plumbing.ErrObjectNotFound) {
		return s, s.reset(s.era) // not even its list of packs can be read
	}
	return s, nil
}

// open makes the directory one that git and go-git would open as a bare
// repository, for people who want to look inside.
func (s *store) open() error {
	// What is in a private repository is not for other users of the machine.
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	git := dotgit.New(osfs.New(s.dir))
	if err := git.Initialize(); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"HEAD":   "ref: refs/heads/main\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	s.disk = filesystem.NewObjectStorage(git, cache.NewObjectLRU(deltaBytes))
	return nil
}

// get gives an object, errMissing, or a *damageError.
func (s *store) get(id plumbing.Hash) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.objects[id]; ok {
		return o, nil
	}
	if s.disk == nil {
		return object{}, errMissing
	}
	found, err := s.disk.EncodedObject(plumbing.AnyObject, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return object{}, errMissing
	}
	if err != nil {
		return object{}, &damageError{err, s.era}
	}
	o, err := readObject(found)
	if err != nil {
		return object{}, &damageError{err, s.era}
	}
	if o.id() != id {
		return object{}, &damageError{fmt.Errorf("object %s has other content", id), s.era}
	}
	s.cache(id, o)
	return o, nil
}

// cache keeps an object in memory; a full cache starts anew, which is cheaper
// than knowing what was used last.
func (s *store) cache(id plumbing.Hash, o object) {
	if s.cached+len(o.data) > cacheBytes {
		clear(s.objects)
		s.cached = 0
	}
	if len(o.data) <= cacheBytes/4 {
		s.objects[id] = o
		s.cached += len(o.data)
	}
}

func (s *store) has(id plumbing.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[id]; ok || s.disk == nil {
		return ok
	}
	return s.disk.HasEncodedObject(id) == nil
}

// missing gives those of ids that are not here, each once.
func (s *store) missing(ids []plumbing.Hash) []plumbing.Hash {
	var missing []plumbing.Hash
	asked := make(map[plumbing.Hash]bool, len(ids))
	for _, id := range ids {
		if !asked[id] && !s.has(id) {
			missing = append(missing, id)
		}
		asked[id] = true
	}
	return missing
}

// add puts new objects into the mirror.
func (s *store) add(objects map[plumbing.Hash]object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, o := range objects {
		if s.disk == nil {
			s.objects[id] = o
			continue
		}
		if err := writeLoose(s.dir, id, o); err != nil {
			return fmt.Errorf("write object %s: %w", id, err)
		}
		s.cache(id, o)
	}
	return nil
}

// addPack puts a pack of count objects into the mirror, whole or not at all.
// The pack holds no deltas against objects outside of it.
func (s *store) addPack(pack io.Reader, count uint32) error {
	if s.disk != nil && count >= packFrom {
		s.mu.Lock()
		defer s.mu.Unlock()
		return packfile.WritePackfileToObjectStorage(s.disk, pack)
	}
	staged := &staging{ObjectStorage: memory.NewStorage().ObjectStorage, left: maxUnpackedBytes}
	parser, err := packfile.NewParserWithStorage(packfile.NewScanner(pack), staged)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(); err != nil {
		return err
	}
	objects := make(map[plumbing.Hash]object, len(staged.Objects))
	for id, encoded := range staged.Objects {
		if objects[id], err = readObject(encoded); err != nil {
			return err
		}
	}
	return s.add(objects)
}

// maxUnpackedBytes bounds what one fetch may become in memory: little on the
// wire can be much unpacked.
const maxUnpackedBytes = 1 << 30

// staging holds the objects of a pack until all of it was read.
type staging struct {
	memory.ObjectStorage
	left int64
}

func (s *staging) SetEncodedObject(o plumbing.EncodedObject) (plumbing.Hash, error) {
	if s.left -= o.Size(); s.left < 0 {
		return plumbing.ZeroHash, errTooMuch
	}
	return s.ObjectStorage.SetEncodedObject(o)
}

// reset throws every object away, unless somebody did so since the given era:
// what was fetched since then must stay.
func (s *store) reset(era int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.era != era {
		return nil
	}
	s.era++
	clear(s.objects)
	s.cached = 0
	if s.disk == nil {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "objects")); err != nil {
		return err
	}
	return s.open()
}

// now is the era, for reset.
func (s *store) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.era
}
