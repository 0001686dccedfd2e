package gitrepo

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packed is an object as it stands in a pack: what its header says, and what
// follows.
type packed struct {
	kind plumbing.ObjectType
	size int    // 0: that of data
	base []byte // of a delta: its id, or how far back it is
	data []byte
}

func packOf(objects ...packed) *bytes.Buffer {
	pack := bytes.NewBufferString("PACK")
	pack.Write(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 2}, uint32(len(objects))))
	for _, o := range objects {
		size := o.size
		if size == 0 {
			size = len(o.data)
		}
		head := []byte{byte(o.kind)<<4 | byte(size&0x0f) | 0x80}
		head = append(binary.AppendUvarint(head, uint64(size>>4)), o.base...)
		pack.Write(head)
		deflate(pack, deflaters, o.data)
	}
	sum := sha1.Sum(pack.Bytes())
	pack.Write(sum[:])
	return pack
}

// deltaTo gives a delta that only adds text to nothing of its base.
func deltaTo(base string, size int, text string) []byte {
	d := binary.AppendUvarint(nil, uint64(len(base)))
	d = binary.AppendUvarint(d, uint64(size))
	return append(append(d, byte(len(text))), text...)
}

func blobID(text string) plumbing.Hash {
	return object{kind: plumbing.BlobObject, data: []byte(text)}.id()
}

func TestWhatUnpacksToTooMuchIsRefused(t *testing.T) {
	filler := make([]packed, packFrom)
	for i := range filler {
		filler[i] = packed{kind: plumbing.BlobObject, data: fmt.Append(nil, i)}
	}
	zeros := make([]byte, 99<<20)
	id := blobID("base")
	for name, c := range map[string]struct {
		objects []packed
		says    string
	}{
		"one object": {[]packed{{kind: plumbing.BlobObject, size: 200 << 20, data: []byte("x")}}, fmt.Sprint(200 << 20)},
		"all objects": {[]packed{{kind: plumbing.BlobObject, data: zeros}, {kind: plumbing.BlobObject, data: zeros[1:]},
			{kind: plumbing.BlobObject, data: zeros[2:]}}, fmt.Sprint(maxUnpackedBytes)},
		"a delta": {[]packed{{kind: plumbing.BlobObject, data: []byte("base")},
			{kind: plumbing.REFDeltaObject, base: id[:], data: deltaTo("base", 1<<30, "x")}}, fmt.Sprint(1 << 30)},
	} {
		for where, dir := range map[string]string{"memory": "", "loose": t.TempDir(), "pack": t.TempDir()} {
			t.Run(name+" "+where, func(t *testing.T) {
				s, err := openStore(dir)
				if err != nil {
					t.Fatal(err)
				}
				objects := c.objects
				if where == "pack" {
					objects = append(filler[:len(filler):len(filler)], objects...)
				}
				err = s.addPack(packOf(objects...), uint32(len(objects)), none)
				if !errors.Is(err, errTooMuch) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v, want %s in it", err, c.says)
				}
				if left, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "*")); dir != "" && len(left) > 0 {
					t.Errorf("%q is left", left)
				}
			})
		}
	}
}

func TestDeltasOfEveryKindAreApplied(t *testing.T) {
	base := blobID("base")
	first := blobID("first")
	objects := []packed{
		{kind: plumbing.REFDeltaObject, base: first[:], data: deltaTo("first", 6, "second")}, // its base comes later
		{kind: plumbing.BlobObject, data: []byte("base")},
		{kind: plumbing.REFDeltaObject, base: base[:], data: deltaTo("base", 5, "first")},
	}
	var back bytes.Buffer // what the last object of them takes, which is how far back it is
	deflate(&back, deflaters, objects[2].data)
	length := back.Len() + 2 + len(base)
	objects = append(objects, packed{kind: plumbing.OFSDeltaObject, base: []byte{byte(length)}, data: deltaTo("first", 5, "third")})
	for i := range packFrom {
		objects = append(objects, packed{kind: plumbing.BlobObject, data: fmt.Append(nil, i)})
	}
	for where, dir := range map[string]string{"memory": "", "loose": t.TempDir(), "pack": t.TempDir()} {
		s, err := openStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		those, texts := objects, []string{"third", "base", "first", "second"}
		switch where {
		case "loose":
			those = objects[:4]
		case "pack": // which servers send in order
			those, texts = objects[1:], texts[:3]
		}
		if err := s.addPack(packOf(those...), uint32(len(those)), none); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if where == "pack" { // read it from there, and have git read it
			if s, err = openStore(dir); err != nil {
				t.Fatal(err)
			}
			indexes, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.idx"))
			if out, err := exec.Command("git", append([]string{"verify-pack"}, indexes...)...).CombinedOutput(); len(indexes) != 1 || err != nil {
				t.Errorf("git about %q: %v\n%s", indexes, err, out)
			}
		}
		for _, text := range texts {
			if o, err := s.get(blobID(text)); err != nil || string(o.data) != text {
				t.Errorf("%s: %s is %q, %v", where, text, o.data, err)
			}
		}
	}
}

func TestALargeBlobTakesLittleOnDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, maxObjectBytes) // the largest that GitHub takes
	if err := s.addPack(packOf(packed{kind: plumbing.BlobObject, data: zeros}), 1, none); err != nil {
		t.Fatal(err)
	}
	if o, err := s.get(blobID(string(zeros))); err != nil || !bytes.Equal(o.data, zeros) {
		t.Errorf("read %d bytes, %v", len(o.data), err)
	}
	if size := sizeOf(dir); size > 2<<20 {
		t.Errorf("it takes %d bytes", size)
	}
}

// deflated gives the file of a loose object.
func deflated(head string, data []byte) string {
	var file bytes.Buffer
	z := zlib.NewWriter(&file)
	z.Write([]byte(head + "\x00"))
	z.Write(data)
	z.Close()
	return file.String()
}

func TestObjectsOnDiskAreReadWithinBounds(t *testing.T) {
	id := blobID("small")
	zeros := make([]byte, 32<<20)
	dir := t.TempDir()
	d := &objectDir{dir: dir}
	if err := os.MkdirAll(filepath.Dir(d.loose(id)), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, says string }{
		"says little":   {deflated("blob 5", zeros), "does not end where it says"},
		"says much":     {deflated(fmt.Sprint("blob ", 200<<20), nil), fmt.Sprint(200 << 20)},
		"says negative": {deflated("blob -5", nil), "too large"},
		"says nothing":  {deflated(strings.Repeat("b", 1<<20), nil), "buffer full"},
	} {
		if err := os.WriteFile(d.loose(id), []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := d.get(id); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	pack := filepath.Join(dir, "some.pack")
	for name, c := range map[string]struct {
		o    packed
		says string
	}{
		"says little": {packed{kind: plumbing.BlobObject, size: 5, data: zeros}, "exceeds"},
		"says more":   {packed{kind: plumbing.BlobObject, size: 99, data: []byte("x")}, "99"},
		"says much":   {packed{kind: plumbing.BlobObject, size: 1 << 30, data: []byte("x")}, "too large"},
		"itself":      {packed{kind: plumbing.REFDeltaObject, base: id[:], data: []byte("x")}, "base of a delta"},
	} {
		if err := os.WriteFile(pack, packOf(c.o).Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := d.unpack(place{pack: newDiskPack(pack), at: 12}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
