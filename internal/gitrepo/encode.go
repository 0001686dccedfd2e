package gitrepo

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// deflaters are used again: making one takes longer than deflating a small
// object. They make the least effort, which is a third of the usual time for a
// tenth more bytes.
var deflaters = pool(zlib.BestSpeed)

// storers make none, for files of their own: most are smaller than the block
// that they take anyway, and large trees are ids, which do not get smaller.
// Blobs from smallBlob on are deflated, so that a mirror takes no more than
// about what came over the wire.
var storers = pool(zlib.NoCompression)

const smallBlob = 64 << 10

func pool(level int) *sync.Pool {
	return &sync.Pool{New: func() any {
		z, _ := zlib.NewWriterLevel(io.Discard, level) // the levels are valid ones
		return z
	}}
}

// deflate adds one zlib stream of all parts.
func deflate(to *bytes.Buffer, by *sync.Pool, parts ...[]byte) {
	z := by.Get().(*zlib.Writer)
	defer by.Put(z)
	z.Reset(to)
	for _, part := range parts {
		z.Write(part) // a bytes.Buffer takes every write
	}
	z.Close()
}

// encodePack adds a pack of the objects, by id, without deltas.
func encodePack(to *bytes.Buffer, objects map[plumbing.Hash]object) {
	start := to.Len()
	to.WriteString("PACK")
	to.Write(binary.BigEndian.AppendUint32(nil, 2))
	to.Write(binary.BigEndian.AppendUint32(nil, uint32(len(objects))))
	ids := make([]plumbing.Hash, 0, len(objects))
	for id := range objects {
		ids = append(ids, id)
	}
	plumbing.HashesSort(ids)
	for _, id := range ids {
		o := objects[id]
		to.Write(o.packHead())
		deflate(to, deflaters, o.data)
	}
	sum := sha1.Sum(to.Bytes()[start:])
	to.Write(sum[:])
}

// packHead is what precedes an object in a pack: its kind, and its size in
// four and then seven bits to the byte.
func (o object) packHead() []byte {
	size := len(o.data)
	head := []byte{byte(o.kind)<<4 | byte(size&0x0f)}
	for size >>= 4; size > 0; size >>= 7 {
		head[len(head)-1] |= 0x80
		head = append(head, byte(size&0x7f))
	}
	return head
}

// writeLoose keeps an object in a file of its own, where git looks for it.
// Whoever reads finds all of it or nothing. One writer at a time.
func writeLoose(dir string, id plumbing.Hash, o object) error {
	var file bytes.Buffer
	by := storers
	if o.kind == plumbing.BlobObject && len(o.data) >= smallBlob {
		by = deflaters
	}
	deflate(&file, by, fmt.Appendf(nil, "%s %d\x00", o.kind, len(o.data)), o.data)
	name := id.String()
	folder := filepath.Join(dir, "objects", name[:2])
	staged := filepath.Join(dir, "objects", "tmp_obj_towpath")
	if err := os.WriteFile(staged, file.Bytes(), 0o600); err != nil {
		return err
	}
	err := os.Rename(staged, filepath.Join(folder, name[2:]))
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		err = os.Rename(staged, filepath.Join(folder, name[2:]))
	}
	return err
}
