package gitrepo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// cacheBytes bounds the objects of one mirror that are kept unpacked in
// memory while the mirror is on disk.
const cacheBytes = 16 << 20

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

func (o object) encoded() *plumbing.MemoryObject {
	m := &plumbing.MemoryObject{}
	m.SetType(o.kind)
	m.Write(o.data) // a MemoryObject takes every write
	return m
}

// store holds the objects of one mirror. It is safe for parallel use.
type store struct {
	dir string // "" : in memory only

	mu      sync.Mutex
	disk    *objectDir               // nil without a dir
	objects map[plumbing.Hash]object // everything without a dir, else a cache
	cached  int                      // bytes in objects, with a dir
	era     int                      // counts resets
}

func openStore(dir string) (*store, error) {
	s := &store{dir: dir, objects: map[plumbing.Hash]object{}}
	if dir == "" {
		return s, nil
	}
	if err := s.open(); err != nil {
		// Something else is in its place, or what is there can not be read.
		if err := errors.Join(os.RemoveAll(dir), s.open()); err != nil {
			return nil, err
		}
	}
	if err := s.disk.list(); err != nil {
		return s, s.reset(s.era)
	}
	return s, nil
}

// open makes the directory one that git and go-git would open as a bare
// repository, for people who want to look inside. What a process left half
// written goes.
func (s *store) open() error {
	// What is in a private repository is not for other users of the machine.
	for _, folder := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o700); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{
		"HEAD":   "ref: refs/heads/main\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	half, err := filepath.Glob(filepath.Join(s.packDir(), draftPack))
	if err != nil {
		return err
	}
	for _, file := range half {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	s.disk = &objectDir{dir: filepath.Join(s.dir, "objects")}
	return nil
}

func (s *store) packDir() string { return filepath.Join(s.dir, "objects", "pack") }

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
	o, err := s.disk.get(id)
	if errors.Is(err, errMissing) {
		return object{}, errMissing
	}
	if err != nil {
		return object{}, &damageError{err, s.era}
	}
	s.cache(id, o)
	return o, nil
}

// cache keeps an object in memory; a full cache starts anew, which is cheaper
// than knowing what was used last.
func (s *store) cache(id plumbing.Hash, o object) {
	size := len(o.data) + objectOverhead
	if _, known := s.objects[id]; known {
		return
	}
	if s.cached+size > cacheBytes {
		clear(s.objects)
		s.cached = 0
	}
	if size <= cacheBytes/4 {
		s.objects[id] = o
		s.cached += size
	}
}

func (s *store) has(id plumbing.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[id]; ok || s.disk == nil {
		return ok
	}
	return s.disk.has(id)
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

// add puts new objects into the mirror. Those that are only passing stay in
// memory, for a while, when the mirror is on disk.
func (s *store) add(objects map[plumbing.Hash]object, passing func(plumbing.Hash, object) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, o := range objects {
		if s.disk == nil {
			s.objects[id] = o
			continue
		}
		if !passing(id, o) {
			err := writeLoose(s.dir, id, o)
			if errors.Is(err, fs.ErrNotExist) { // somebody removed the mirror
				err = errors.Join(s.open(), writeLoose(s.dir, id, o))
			}
			if err != nil {
				return fmt.Errorf("write object %s: %w", id, err)
			}
		}
		s.cache(id, o)
	}
	return nil
}

// none is passing.
func none(plumbing.Hash, object) bool { return false }

// addPack puts a pack of count objects into the mirror, whole or not at all.
// The pack holds no deltas against objects outside of it.
func (s *store) addPack(pack io.Reader, count uint32, passing func(plumbing.Hash, object) bool) error {
	if s.disk != nil && count >= packFrom {
		return s.keepPack(pack)
	}
	objects, err := unpack(pack)
	if err != nil {
		return err
	}
	return s.add(objects, passing)
}

// draftPack is the name of a pack that is being received.
const draftPack = "tmp_pack_*"

// A pack of at most so many bytes, packed and unpacked, is read in memory: that is one
// pass, where go-git makes three over the file. What is in it is cached, and must leave
// room for more.
const (
	maxSmallPack     = 2 << 20
	maxSmallUnpacked = cacheBytes / 2
)

// keepPack keeps a pack as it comes, with an index. Others read meanwhile.
func (s *store) keepPack(pack io.Reader) error {
	if err := s.makeRoom(); err != nil {
		return err
	}
	draft, err := os.CreateTemp(s.packDir(), draftPack)
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	defer draft.Close()
	sum, index, read, err := indexed(pack, draft)
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.place(draft.Name(), filepath.Join(s.packDir(), "pack-"+sum.String()), index); err != nil {
		return err
	}
	for id, o := range read {
		s.cache(id, o)
	}
	return nil
}

// indexed writes a pack into a draft and makes its index. The objects of a small one
// are given as well: they were read for it.
func indexed(pack io.Reader, draft *os.File) (sum plumbing.Hash, index *idxfile.Writer, read map[plumbing.Hash]object, err error) {
	small, err := io.ReadAll(io.LimitReader(pack, maxSmallPack+1))
	if err != nil {
		return sum, nil, nil, err
	}
	index = &idxfile.Writer{}
	if len(small) <= maxSmallPack {
		u := unpacking{left: maxSmallUnpacked, index: index}
		sum, err := u.read(bytes.NewReader(small))
		if err == nil {
			_, err = draft.Write(small)
			return sum, index, u.objects, errors.Join(err, index.OnFooter(sum))
		}
		if !errors.Is(err, errTooMuch) {
			return sum, nil, nil, err
		}
		index = &idxfile.Writer{}
	}
	if err := checkPack(bufio.NewReaderSize(io.TeeReader(io.MultiReader(bytes.NewReader(small), pack), draft), 1<<16)); err != nil {
		return sum, nil, nil, err
	}
	if _, err := draft.Seek(0, io.SeekStart); err != nil {
		return sum, nil, nil, err
	}
	parser, err := packfile.NewParser(packfile.NewScanner(draft), index)
	if err != nil {
		return sum, nil, nil, err
	}
	sum, err = parser.Parse()
	return sum, index, nil, err
}

// place makes a draft a pack: whoever sees the index finds all of it.
func (s *store) place(draft, name string, written *idxfile.Writer) error {
	index, err := written.Index()
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if _, err := idxfile.NewEncoder(&file).Encode(index); err != nil {
		return err
	}
	half := draft + ".idx.new"
	if err := os.WriteFile(half, file.Bytes(), 0o600); err != nil {
		return err
	}
	defer os.Remove(half)
	if err := os.Rename(draft, name+".pack"); err != nil {
		return err
	}
	if err := os.Rename(half, name+".idx"); err != nil {
		return err
	}
	s.disk.refresh()
	return nil
}

// maxPacks bounds the packs of a mirror: reading looks through all of them. A
// mirror that has more starts over, which costs less than keeping house.
const maxPacks = 30

// makeRoom sees to it that there may be one more.
func (s *store) makeRoom() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.disk.list(); err != nil || len(s.disk.packs) >= maxPacks {
		return s.clear()
	}
	return os.MkdirAll(s.packDir(), 0o700) // somebody may have removed the mirror
}

// reset throws every object away, unless somebody did so since the given era:
// what was fetched since then must stay.
func (s *store) reset(era int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.era != era {
		return nil
	}
	return s.clear()
}

// clear throws every object away.
func (s *store) clear() error {
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
