package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func secrets(value string) func(string, string) (string, bool) {
	return func(repository, name string) (string, bool) {
		return value, repository == "acme/app" && name == "X"
	}
}

var message = Message{ID: "1", Kind: "stale", Repository: "acme/app", Title: "t", Text: "x", Details: []string{"d"}, URL: "https://github.test/a|b>c"}

// What a receiver gets, byte by byte as far as it matters.
func TestSend(t *testing.T) {
	var got *http.Request
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer receiver.Close()

	hostile := message
	hostile.Text = "<!channel> *x* `y` <@U1> & ~z~\n> quoted"
	if err := New(Config{Secret: secrets(receiver.URL)}).Send(context.Background(), "slack", "X", hostile); err != nil {
		t.Fatal(err)
	}
	var slack struct {
		Text        string
		UnfurlLinks *bool `json:"unfurl_links"`
	}
	if err := json.Unmarshal(body, &slack); err != nil {
		t.Fatal(err)
	}
	want := "*t*\n&lt;!channel&gt; ∗x∗ ´y´ &lt;@U1&gt; &amp; ∼z∼ &gt; quoted\n• d\n<https://github.test/a%7Cb%3Ec|open>"
	if slack.Text != want || slack.UnfurlLinks == nil || *slack.UnfurlLinks {
		t.Errorf("slack got %q, want %q", slack.Text, want)
	}

	if err := New(Config{Secret: secrets(receiver.URL + " key\n")}).Send(context.Background(), "webhook", "X", message); err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("X-Towpath-Signature-256") != Sign("key", body) || got.Header.Get("X-Towpath-Delivery") != "1" {
		t.Errorf("signed %v", got.Header)
	}
	var back Message
	if err := json.Unmarshal(body, &back); err != nil || back.Text != message.Text || back.URL != message.URL {
		t.Errorf("%s: %v", body, err)
	}
}

// What goes wrong says why, and never the secret or what the receiver said.
func TestErrors(t *testing.T) {
	hang := make(chan struct{})
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed a redirect") }))
	defer elsewhere.Close()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/topsecret/hang":
			<-hang
		case "/topsecret/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		default:
			http.Error(w, "topsecret answer", http.StatusForbidden)
		}
	}))
	defer receiver.Close()
	defer close(hang)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, row := range []struct{ secret, kind, name, want string }{
		{receiver.URL + "/topsecret", "slack", "X", "HTTP 403"},
		{receiver.URL + "/topsecret/hang", "slack", "X", "in time"},
		{receiver.URL + "/topsecret/away", "slack", "X", "HTTP 307"},
		{gone.URL + "/topsecret", "slack", "X", "can not be reached"},
		{receiver.URL + "/topsecret", "slack", "Y", "no secret Y for acme/app"},
		{receiver.URL + "/topsecret", "webhook", "X", "no key"},
		{"http://topsecret.example.com/", "slack", "X", "https address"},
		{"ftp://topsecret.example.com/", "slack", "X", "https address"},
		{"topsecret", "slack", "X", "https address"},
		{"https://topsecret\x7f/", "slack", "X", "https address"},
	} {
		err := New(Config{Secret: secrets(row.secret), Timeout: 50 * time.Millisecond}).Send(context.Background(), row.kind, row.name, message)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v, want %s", row.secret, err, row.want)
		}
	}
}
