package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// Little on the wire can be much unpacked, so sizes are looked at before
// anything is inflated.
const (
	// maxObjectBytes bounds one object. GitHub takes no larger files.
	maxObjectBytes = 100 << 20
	// maxUnpackedBytes bounds all objects of one fetch.
	maxUnpackedBytes = 256 << 20
	// objectOverhead is about what an object takes in memory besides its data.
	objectOverhead = 256
)

var (
	errTooMuch = errors.New("too large")
	errDelta   = errors.New("malformed delta")
)

// checkSize refuses objects that are too large.
func checkSize(size int64) error {
	if size < 0 || size > maxObjectBytes {
		return fmt.Errorf("%w: an object of %d bytes, at most %d are taken", errTooMuch, uint64(size), maxObjectBytes)
	}
	return nil
}

// allowance is how many bytes a fetch may still unpack.
type allowance int64

func (a *allowance) take(size int64) error {
	if err := checkSize(size); err != nil {
		return err
	}
	if *a -= allowance(size + objectOverhead); *a < 0 {
		return fmt.Errorf("%w: more than %d bytes unpacked in one fetch, at an object of %d", errTooMuch, maxUnpackedBytes, size)
	}
	return nil
}

// inflate reads the object whose header was read last, and gives the checksum of
// what it takes in the pack.
func inflate(from *packfile.Scanner, head *packfile.ObjectHeader) (data []byte, crc uint32, _ error) {
	if err := checkSize(head.Length); err != nil {
		return nil, 0, err
	}
	into := bytes.NewBuffer(make([]byte, 0, head.Length))
	n, crc, err := from.NextObject(into) // which stops at the header's length
	if err == nil && n != head.Length {
		err = fmt.Errorf("an object of %d bytes has %d", head.Length, n)
	}
	return into.Bytes(), crc, noEOF(err)
}

// targetSize is the size of what a delta makes.
func targetSize(delta []byte) (int64, error) {
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return 0, errDelta
	}
	size, n := binary.Uvarint(delta[n:])
	if n <= 0 {
		return 0, errDelta
	}
	return int64(size), nil
}

// patch applies a delta.
func (o object) patch(delta []byte) (object, error) {
	size, err := targetSize(delta)
	if err != nil {
		return object{}, err
	}
	if err := checkSize(size); err != nil {
		return object{}, err
	}
	data, err := packfile.PatchDelta(o.data, delta)
	return object{kind: o.kind, data: data}, err
}

// checkKind says whether what is in a pack is a delta or a whole object, and
// refuses what is neither.
func checkKind(kind plumbing.ObjectType) (isDelta bool, err error) {
	switch kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		return false, nil
	case plumbing.OFSDeltaObject, plumbing.REFDeltaObject:
		return true, nil
	}
	return false, fmt.Errorf("an object of the unknown kind %d", kind)
}

// unpacked is an object of a pack, or of a delta what makes one of its base.
type unpacked struct {
	object
	id   plumbing.Hash // of a delta: none yet
	head *packfile.ObjectHeader
	crc  uint32
}

// unpacking is a pack on its way into memory.
type unpacking struct {
	left    allowance
	index   *idxfile.Writer // nil: nobody wants one
	objects map[plumbing.Hash]object
	bases   []unpacked // whose deltas were not looked for yet
	waiting int        // deltas, by where in the pack or as what their base comes
	at      map[int64][]unpacked
	as      map[plumbing.Hash][]unpacked
}

// unpack gives the objects of a pack without deltas against others.
func unpack(pack io.Reader) (map[plumbing.Hash]object, error) {
	u := unpacking{left: maxUnpackedBytes}
	_, err := u.read(pack)
	return u.objects, err
}

// read reads a pack, whose checksum it returns.
func (u *unpacking) read(pack io.Reader) (plumbing.Hash, error) {
	u.objects, u.at, u.as = map[plumbing.Hash]object{}, map[int64][]unpacked{}, map[plumbing.Hash][]unpacked{}
	sum, err := scanPack(pack, func(from *packfile.Scanner, head *packfile.ObjectHeader, isDelta bool) error {
		if err := u.left.take(head.Length); err != nil {
			return err
		}
		data, crc, err := inflate(from, head)
		o := unpacked{object: object{head.Type, data}, head: head, crc: crc}
		switch {
		case err != nil:
			return err
		case !isDelta:
			u.add(o)
			return nil
		case head.Type == plumbing.REFDeltaObject:
			u.as[head.Reference] = append(u.as[head.Reference], o)
		default:
			u.at[head.OffsetReference] = append(u.at[head.OffsetReference], o)
		}
		u.waiting++
		return nil
	})
	for err == nil && len(u.bases) > 0 {
		base := u.bases[len(u.bases)-1]
		u.bases = u.bases[:len(u.bases)-1]
		err = u.resolve(base)
	}
	if err == nil && u.waiting > 0 {
		err = errors.New("a delta without its base")
	}
	return sum, err
}

func (u *unpacking) add(o unpacked) {
	o.id = o.object.id()
	u.objects[o.id] = o.object
	if u.index != nil {
		u.index.Add(o.id, uint64(o.head.Offset), o.crc)
	}
	u.bases = append(u.bases, o)
}

// resolve applies the deltas of an object.
func (u *unpacking) resolve(base unpacked) error {
	deltas := slices.Concat(u.at[base.head.Offset], u.as[base.id])
	delete(u.at, base.head.Offset)
	delete(u.as, base.id)
	u.waiting -= len(deltas)
	for _, d := range deltas {
		size, err := targetSize(d.data)
		if err != nil {
			return err
		}
		if err := u.left.take(size); err != nil {
			return err
		}
		o, err := base.patch(d.data)
		if err != nil {
			return err
		}
		u.add(unpacked{object: o, head: d.head, crc: d.crc})
	}
	return nil
}

// scanPack calls each with the header of every object of a pack, whose checksum it
// returns.
func scanPack(
	pack io.Reader, each func(from *packfile.Scanner, head *packfile.ObjectHeader, isDelta bool) error,
) (sum plumbing.Hash, _ error) {
	scanner := packfile.NewScanner(pack)
	_, count, err := scanner.Header()
	if err != nil {
		return sum, noEOF(err)
	}
	for range count {
		head, err := scanner.NextObjectHeader()
		if err != nil {
			return sum, noEOF(err)
		}
		isDelta, err := checkKind(head.Type)
		if err != nil {
			return sum, err
		}
		if err := each(scanner, head, isDelta); err != nil {
			return sum, err
		}
	}
	sum, err = scanner.Checksum()
	return sum, noEOF(err)
}

// checkPack reads a pack to its end and refuses one that unpacks to too much.
func checkPack(pack io.Reader) error {
	left := allowance(maxUnpackedBytes)
	_, err := scanPack(pack, func(from *packfile.Scanner, head *packfile.ObjectHeader, isDelta bool) error {
		if err := left.take(head.Length); err != nil || !isDelta {
			return err // the scanner itself skips what is not read, and checks its length
		}
		data, _, err := inflate(from, head)
		if err != nil {
			return err
		}
		size, err := targetSize(data)
		if err != nil {
			return err
		}
		return left.take(size)
	})
	return err
}
