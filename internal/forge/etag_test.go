package forge

import (
	"net/http"
	"strings"
	"testing"
)

func TestUnchangedAnswersAreNotSentTwice(t *testing.T) {
	body, tag := `{"id": 7, "body": "one"}`, `W/"1"`
	var sent []int
	r, _ := tokenForge(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("ETag", tag)
		if req.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			sent = append(sent, http.StatusNotModified)
			return
		}
		write(t, w, body)
		sent = append(sent, http.StatusOK)
	})
	read := func(want string, wantStatus int) {
		t.Helper()
		c, err := r.Comment(t.Context(), 7)
		if err != nil || c.Body != want || sent[len(sent)-1] != wantStatus {
			t.Errorf("%q (%v) by %d, want %q by %d", c.Body, err, sent[len(sent)-1], want, wantStatus)
		}
	}
	read("one", http.StatusOK)
	read("one", http.StatusNotModified)
	body, tag = `{"id": 7, "body": "two"}`, `W/"2"`
	read("two", http.StatusOK)
	read("two", http.StatusNotModified)

	r.client = r.forge.newClient(fixed("another"), r.forge.layers("another credential"))
	read("two", http.StatusOK)
}

func TestKnownAnswersAreBounded(t *testing.T) {
	known := newAnswers(100)
	for _, key := range []string{"a", "b", "c"} {
		known.put(&answer{key: key, body: []byte(strings.Repeat(key, 40))})
		known.get("a")
	}
	if known.get("a") == nil || known.get("b") != nil || known.get("c") == nil {
		t.Error("the least recently used answer should have gone, and only that")
	}
	known.put(&answer{key: "a", body: []byte("short")})
	if known.size != 45 || len(known.byKey) != 2 || known.order.Len() != 2 {
		t.Errorf("replaced answer is still counted: %d bytes, %d keys", known.size, len(known.byKey))
	}
}
