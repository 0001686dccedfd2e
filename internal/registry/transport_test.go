package registry

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// As many bytes as there may be are read, and not one more, however it is asked.
func TestBounded(t *testing.T) {
	for text, want := range map[string]error{"": nil, "abc": nil, "abcd": errTooLarge, "abcde": errTooLarge} {
		b := &bounded{ReadCloser: io.NopCloser(strings.NewReader(text)), left: 3}
		data, err := io.ReadAll(b)
		if !errors.Is(err, want) || string(data) != text[:min(3, len(text))] {
			t.Errorf("%q: %q, %v", text, data, err)
		}
		if n, err := b.Read(make([]byte, 8)); want != nil && (n != 0 || err != want) {
			t.Errorf("%q, once more: %d bytes, %v", text, n, err)
		}
	}
}
