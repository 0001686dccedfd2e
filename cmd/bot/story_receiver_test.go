package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/towpath/towpath/internal/notify"
)

// receiver is who is told outside of GitHub: Slack at the secret SLACK, and
// somebody who checks signatures at HOOK. Both are acme/app's only.
type receiver struct {
	mu       sync.Mutex
	server   *httptest.Server
	down     bool
	tried    int
	messages []string
}

const hookKey = "hook-key"

func receiverCommands() map[string]command {
	return map[string]command{
		"receiver": func(w *world, _ *story, args []string) error {
			if err := w.settle(); err != nil {
				return err
			}
			w.receiver.mu.Lock()
			defer w.receiver.mu.Unlock()
			w.receiver.down = or(args, 0, "") == "down"
			return nil
		},
		"messages": printed(func(w *world, _ []string) (string, error) {
			w.receiver.mu.Lock()
			defer w.receiver.mu.Unlock()
			out := append([]string{fmt.Sprintf("%d attempts", w.receiver.tried)}, w.receiver.messages...)
			w.receiver.tried, w.receiver.messages = 0, nil
			return strings.Join(out, "\n"), nil
		}),
	}
}

func (r *receiver) secret(repository, name string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server == nil {
		r.server = httptest.NewServer(r)
	}
	addresses := map[string]string{"SLACK": r.server.URL + "/topsecret", "HOOK": r.server.URL + "/hook " + hookKey}
	return addresses[name], repository == "acme/app" && addresses[name] != ""
}

func (r *receiver) close() {
	if r.server != nil {
		r.server.Close()
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	switch signed := request.Header.Get("X-Towpath-Signature-256") == notify.Sign(hookKey, body); {
	case err != nil || r.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case request.URL.Path == "/topsecret":
		var said struct{ Text string }
		if err := json.Unmarshal(body, &said); err != nil {
			said.Text = err.Error()
		}
		r.messages = append(r.messages, "slack: "+said.Text)
	default:
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, body, "", " "); err != nil || !signed {
			http.Error(w, "not signed", http.StatusUnauthorized)
			return
		}
		r.messages = append(r.messages, "hook: "+pretty.String())
	}
}
