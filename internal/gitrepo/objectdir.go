package gitrepo

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	gitsync "github.com/go-git/go-git/v5/utils/sync"
)

const (
	// baseBytes bounds what is kept in memory to apply deltas to.
	baseBytes = 4 << 20
	// maxDeltas bounds deltas to deltas, as in git.
	maxDeltas = 4095
	// maxIndexBytes bounds the index of a pack: some 15 million objects.
	maxIndexBytes = 512 << 20
)

var (
	errIrregular = errors.New("not a regular file")
	// errGone is not fs.ErrNotExist, which would say that a file of a tree does
	// not exist.
	errGone = errors.New("its pack is gone")
)

// objectDir reads a directory of objects as git keeps them, loose and in packs.
// Nothing in it is trusted: only regular files are opened, and no object is
// inflated beyond maxObjectBytes. Not for parallel use.
type objectDir struct {
	dir    string
	packs  []*diskPack
	listed bool // packs are
	bases  map[place]object
	based  int // bytes in bases
}

// diskPack is a pack with its index.
type diskPack struct {
	path  string
	index *idxfile.MemoryIndex
}

func newDiskPack(path string) *diskPack {
	return &diskPack{path: path, index: idxfile.NewMemoryIndex()}
}

// place is where an object begins.
type place struct {
	pack *diskPack
	at   int64
}

// openRegular opens a file of at most max bytes, through links. Opening
// something else, a pipe for example, could take for ever.
func openRegular(path string, max int64) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist} // no file
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", path, errIrregular)
	case info.Size() > max:
		return nil, fmt.Errorf("%s is %w: %d bytes, at most %d are read", path, errTooMuch, info.Size(), max)
	}
	return os.Open(path)
}

// readRegular reads a file of at most max bytes.
func readRegular(path string, max int64) ([]byte, error) {
	f, err := openRegular(path, max)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max))
}

// refresh forgets which packs there are.
func (d *objectDir) refresh() {
	d.packs, d.listed, d.based = nil, false, 0
	clear(d.bases)
}

// list finds the packs.
func (d *objectDir) list() error {
	if d.listed {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(d.dir, "pack"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.packs = nil
	for _, e := range entries {
		name, isIndex := strings.CutSuffix(e.Name(), ".idx")
		if !isIndex {
			continue
		}
		pack := newDiskPack(filepath.Join(d.dir, "pack", name+".pack"))
		if _, err := os.Stat(pack.path); errors.Is(err, fs.ErrNotExist) {
			continue // about to be removed
		}
		f, err := openRegular(filepath.Join(d.dir, "pack", e.Name()), maxIndexBytes)
		if err != nil {
			return err
		}
		err = idxfile.NewDecoder(f).Decode(pack.index)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name(), noEOF(err))
		}
		d.packs = append(d.packs, pack)
	}
	d.listed = true
	return nil
}

func (d *objectDir) loose(id plumbing.Hash) string {
	name := id.String()
	return filepath.Join(d.dir, name[:2], name[2:])
}

func (d *objectDir) has(id plumbing.Hash) bool {
	if _, err := os.Stat(d.loose(id)); err == nil {
		return true
	}
	_, err := d.locate(id)
	return err == nil
}

// locate finds an object in the packs, or gives errMissing.
func (d *objectDir) locate(id plumbing.Hash) (place, error) {
	if err := d.list(); err != nil {
		return place{}, err
	}
	for _, pack := range d.packs {
		at, err := pack.index.FindOffset(id)
		if err == nil {
			return place{pack, at}, nil
		}
		if !errors.Is(err, plumbing.ErrObjectNotFound) {
			return place{}, err
		}
	}
	return place{}, errMissing
}

// get gives an object, or errMissing.
func (d *objectDir) get(id plumbing.Hash) (object, error) {
	o, err := readLoose(d.loose(id))
	if errors.Is(err, fs.ErrNotExist) {
		var at place
		if at, err = d.locate(id); err == nil {
			o, err = d.unpack(at)
		}
	}
	if err == nil && o.id() != id {
		err = fmt.Errorf("object %s has other content", id)
	}
	return o, err
}

// withPrefix gives the ids that begin so, as hex digits, at least two.
func (d *objectDir) withPrefix(prefix string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, prefix[:2]))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id := prefix[:2] + e.Name(); strings.HasPrefix(id, prefix) && len(id) == 40 {
			ids = append(ids, id)
		}
	}
	if err := d.list(); err != nil {
		return nil, err
	}
	for _, pack := range d.packs {
		for _, names := range pack.index.Names {
			for ; len(names) >= len(plumbing.ZeroHash); names = names[len(plumbing.ZeroHash):] {
				if id := hex.EncodeToString(names[:len(plumbing.ZeroHash)]); strings.HasPrefix(id, prefix) {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids, nil
}

// maxLooseBytes bounds the file of an object that deflating made larger.
const maxLooseBytes = maxObjectBytes + maxObjectBytes/64

// readLoose reads an object that has a file of its own.
func readLoose(path string) (object, error) {
	f, err := openRegular(path, maxLooseBytes)
	if err != nil {
		return object{}, err
	}
	defer f.Close()
	z, err := gitsync.GetZlibReader(f)
	defer gitsync.PutZlibReader(z)
	if err != nil {
		return object{}, noEOF(err)
	}
	r := bufio.NewReader(z.Reader)
	head, err := r.ReadSlice(0) // no further than its buffer
	if err != nil {
		return object{}, noEOF(err)
	}
	name, length, _ := bytes.Cut(head[:len(head)-1], []byte(" "))
	kind, err := plumbing.ParseObjectType(string(name))
	if err != nil {
		return object{}, err
	}
	size, err := strconv.ParseInt(string(length), 10, 64)
	if err != nil {
		return object{}, err
	}
	if err := checkSize(size); err != nil {
		return object{}, err
	}
	o := object{kind: kind, data: make([]byte, size)}
	if _, err := io.ReadFull(r, o.data); err != nil {
		return object{}, noEOF(err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return object{}, errors.Join(errors.New("it does not end where it says"), err)
	}
	return o, nil
}

// unpack reads an object of a pack.
func (d *objectDir) unpack(from place) (object, error) {
	f, err := openRegular(from.pack.path, math.MaxInt64)
	if errors.Is(err, fs.ErrNotExist) {
		return object{}, errGone
	}
	if err != nil {
		return object{}, err
	}
	defer f.Close()
	scanner := packfile.NewScanner(f)
	var places []place // of deltas, the last one next to the base
	var deltas [][]byte
	size := int64(0)
	o, found := d.bases[from]
	for !found {
		head, err := scanner.SeekObjectHeader(from.at)
		if err != nil {
			return object{}, noEOF(err)
		}
		isDelta, err := checkKind(head.Type)
		if err != nil {
			return object{}, err
		}
		data, _, err := inflate(scanner, head)
		if err != nil {
			return object{}, err
		}
		if !isDelta {
			o = object{kind: head.Type, data: data}
			d.keep(from, o)
			break
		}
		size += head.Length
		if err := checkSize(size); err != nil || len(deltas) == maxDeltas {
			return object{}, errors.Join(errors.New("too many deltas to deltas"), err)
		}
		places, deltas = append(places, from), append(deltas, data)
		from.at = head.OffsetReference
		if head.Type == plumbing.REFDeltaObject {
			if from.at, err = from.pack.index.FindOffset(head.Reference); err != nil {
				return object{}, fmt.Errorf("base of a delta: %w", err)
			}
		}
		o, found = d.bases[from]
	}
	for i := len(deltas) - 1; i >= 0; i-- {
		if o, err = o.patch(deltas[i]); err != nil {
			return object{}, err
		}
		d.keep(places[i], o)
	}
	return o, nil
}

// keep remembers an object for deltas; a full memory starts anew.
func (d *objectDir) keep(at place, o object) {
	if len(o.data) > baseBytes/4 {
		return
	}
	if d.bases == nil || d.based+len(o.data) > baseBytes {
		d.bases, d.based = map[place]object{}, 0
	}
	d.bases[at] = o
	d.based += len(o.data) + objectOverhead
}
