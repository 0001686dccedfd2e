package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
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

// inflate reads the object whose header was read last.
func inflate(from *packfile.Scanner, head *packfile.ObjectHeader) ([]byte, error) {
	if err := checkSize(head.Length); err != nil {
		return nil, err
	}
	data := bytes.NewBuffer(make([]byte, 0, head.Length))
	n, _, err := from.NextObject(data) // which stops at the header's length
	if err == nil && n != head.Length {
		err = fmt.Errorf("an object of %d bytes has %d", head.Length, n)
	}
	return data.Bytes(), noEOF(err)
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

// delta is an object of a pack whose base may be yet to come.
type delta struct {
	head *packfile.ObjectHeader
	data []byte
}

// unpacking is a pack on its way into memory.
type unpacking struct {
	left     allowance
	objects  map[plumbing.Hash]object
	byOffset map[int64]object
	waiting  []delta
}

// unpack gives the objects of a pack without deltas against others.
func unpack(pack io.Reader) (map[plumbing.Hash]object, error) {
	u := unpacking{left: maxUnpackedBytes, objects: map[plumbing.Hash]object{}, byOffset: map[int64]object{}}
	err := scanPack(pack, func(from *packfile.Scanner, head *packfile.ObjectHeader, isDelta bool) error {
		if err := u.left.take(head.Length); err != nil {
			return err
		}
		data, err := inflate(from, head)
		if err != nil {
			return err
		}
		if isDelta {
			u.waiting = append(u.waiting, delta{head, data})
		} else {
			u.add(head, object{kind: head.Type, data: data})
		}
		return nil
	})
	for err == nil && len(u.waiting) > 0 {
		err = u.resolve()
	}
	return u.objects, err
}

func (u *unpacking) add(head *packfile.ObjectHeader, o object) {
	u.byOffset[head.Offset] = o
	u.objects[o.id()] = o
}

// resolve applies the deltas whose bases are there.
func (u *unpacking) resolve() error {
	var waiting []delta
	for _, d := range u.waiting {
		base, ok := u.byOffset[d.head.OffsetReference]
		if d.head.Type == plumbing.REFDeltaObject {
			base, ok = u.objects[d.head.Reference]
		}
		if !ok {
			waiting = append(waiting, d)
			continue
		}
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
		u.add(d.head, o)
	}
	if len(waiting) == len(u.waiting) {
		return errors.New("a delta without its base")
	}
	u.waiting = waiting
	return nil
}

// scanPack calls each with the header of every object of a pack.
func scanPack(pack io.Reader, each func(from *packfile.Scanner, head *packfile.ObjectHeader, isDelta bool) error) error {
	scanner := packfile.NewScanner(pack)
	_, count, err := scanner.Header()
	if err != nil {
		return noEOF(err)
	}
	for range count {
		head, err := scanner.NextObjectHeader()
		if err != nil {
			return noEOF(err)
		}
		isDelta, err := checkKind(head.Type)
		if err != nil {
			return err
		}
		if err := each(scanner, head, isDelta); err != nil {
			return err
		}
	}
	_, err = scanner.Checksum()
	return noEOF(err)
}

// checkPack reads a pack to its end and refuses one that unpacks to too much.
func checkPack(pack io.Reader) error {
	left := allowance(maxUnpackedBytes)
	return scanPack(pack, func(from *packfile.Scanner, head *packfile.ObjectHeader, isDelta bool) error {
		if err := left.take(head.Length); err != nil || !isDelta {
			return err // the scanner itself skips what is not read, and checks its length
		}
		data, err := inflate(from, head)
		if err != nil {
			return err
		}
		size, err := targetSize(data)
		if err != nil {
			return err
		}
		return left.take(size)
	})
}
