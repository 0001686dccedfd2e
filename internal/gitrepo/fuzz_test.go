package gitrepo

import (
	"bytes"
	"io"
	"testing"
)

// A server's answer never panics, and what is taken from it is well formed.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("003d6f1ed002ab5595859014ebf0951522d9c0bd9d16 refs/heads/main\n0000"))
	f.Add([]byte("0012ERR go away\n0000"))
	f.Add([]byte("000d\x01PACK....0008\x02hi\n0000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := decodeRefs(bytes.NewReader(data)); err == nil {
			if _, nameless := list.refs[""]; nameless {
				t.Error("a ref without a name")
			}
		}
		band := &sideband{pkt: pktReader{r: bytes.NewReader(data)}}
		if content, err := io.ReadAll(band); err == nil && len(content) > len(data) {
			t.Error("more came out than went in")
		}
		if text := serverText(string(data)); bytes.ContainsAny([]byte(text), "\x1b\x00\r\a") {
			t.Errorf("control characters in %q", text)
		}
	})
}

// A tree that is read can be written, and is the same when it was in order.
func FuzzTrees(f *testing.F) {
	id := string(make([]byte, 20))
	f.Add([]byte("100644 a.b\x00" + id + "40000 a\x00" + id + "100755 a0\x00" + id))
	f.Add([]byte("120000 link\x00" + id + "160000 sub\x00" + id))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := decodeDirectory(data)
		if err != nil {
			return
		}
		o, err := encodeDirectory(d.entries)
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		again, err := decodeDirectory(o.data)
		if err != nil || len(again.entries) != len(d.entries) {
			t.Fatalf("written but not read: %v", err)
		}
		rewritten, err := encodeDirectory(again.entries)
		if err != nil || !bytes.Equal(rewritten.data, o.data) {
			t.Errorf("written twice, differently: %v", err)
		}
	})
}
