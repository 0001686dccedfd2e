package gitrepo

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func TestPacksAreBounded(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxPacks + 3 {
		objects := map[plumbing.Hash]object{}
		var last object
		for j := range packFrom {
			last = object{kind: plumbing.BlobObject, data: fmt.Append(nil, i, " ", j)}
			objects[last.id()] = last
		}
		var pack bytes.Buffer
		encodePack(&pack, objects)
		if err := s.addPack(&pack, packFrom, none); err != nil {
			t.Fatal(err)
		}
		if o, err := s.get(last.id()); err != nil || !bytes.Equal(o.data, last.data) {
			t.Fatalf("pack %d: read %q, %v", i, o.data, err)
		}
	}
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err != nil || len(packs) == 0 || len(packs) > maxPacks {
		t.Errorf("%d packs, %v", len(packs), err)
	}
}

func TestANameIsInATreeOnce(t *testing.T) {
	id := string(make([]byte, len(plumbing.ZeroHash)))
	const file, dir = "100644 ", "40000 "
	entry := func(mode, name string) string { return mode + name + "\x00" + id }
	for name, tree := range map[string]string{
		"beside":       entry(file, "a") + entry(file, "a"),
		"two kinds":    entry(file, "a") + entry(file, "a.b") + entry(dir, "a"),
		"out of order": entry(file, "b") + entry(file, "a") + entry(file, "b"),
	} {
		if _, err := decodeDirectory([]byte(tree)); err == nil {
			t.Errorf("%s: two entries of one name", name)
		}
	}
	d, err := decodeDirectory([]byte(entry(dir, "b") + entry(file, "a.b") + entry(dir, "a")))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "a.b", "b"} {
		if _, ok := d.find(name); !ok {
			t.Errorf("%s is not found out of order", name)
		}
	}
}

// Many small objects take more than their bytes, and one that comes again takes
// nothing.
func TestTheCacheIsBounded(t *testing.T) {
	s, err := openStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.cache(blobID("x"), object{kind: plumbing.BlobObject, data: []byte("x")})
	before := s.cached
	s.cache(blobID("x"), object{kind: plumbing.BlobObject, data: []byte("x")})
	if s.cached != before || before <= 1 {
		t.Errorf("%d bytes are counted after %d", s.cached, before)
	}
	for i := range 2 * cacheBytes / objectOverhead {
		text := fmt.Sprint(i)
		s.cache(blobID(text), object{kind: plumbing.BlobObject, data: []byte(text)})
		if len(s.objects)*objectOverhead > cacheBytes {
			t.Fatalf("%d objects are cached", len(s.objects))
		}
	}
}
