package openapi

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// spy is a test that only notes what it is told.
type spy struct {
	testing.TB
	errors []string
}

func (s *spy) Helper() {}

func (s *spy) Errorf(format string, args ...any) {
	s.errors = append(s.errors, fmt.Sprintf(format, args...))
}

func TestJudgeObjects(t *testing.T) {
	const reaction = `{"id":1,"node_id":"x","user":null,"content":"eyes","created_at":"2026-01-01T00:00:00Z"}`
	for _, tc := range []struct {
		name, method, path, sent string
		status                   int
		answer                   string
		want                     string // in the complaint; empty: none
	}{
		{"right", "POST", "/repos/a/b/issues/comments/1/reactions", `{"content":"eyes"}`, 201, reaction, ""},
		{"field missing in the answer", "POST", "/repos/a/b/issues/comments/1/reactions", `{"content":"eyes"}`, 201, `{"id":1}`, "node_id"},
		{"wrong type in the answer", "POST", "/repos/a/b/issues/comments/1/reactions", `{"content":"eyes"}`, 201, strings.Replace(reaction, "1", `"1"`, 1), "id"},
		{"wrong request", "POST", "/repos/a/b/issues/comments/1/reactions", `{"content":"+2"}`, 201, reaction, "request"},
		{"status that is not described", "POST", "/repos/a/b/issues/comments/1/reactions", `{"content":"eyes"}`, 202, reaction, "status"},
		{"unknown operation", "GET", "/repos/a/b/nothing", "", 200, `{}`, "not an operation"},
		{"an error as GitHub writes it", "GET", "/repos/a/b/pulls", "", 401, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest"}`, ""},
		{"an error in other words", "GET", "/repos/a/b/pulls", "", 401, `{"error":"no"}`, "not an error"},
		{"ref with slashes", "GET", "/repos/a/b/git/ref/heads/stage/test", "", 404, `{"message":"Not Found","documentation_url":"x"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := New(t)
			watch := &spy{TB: t}
			j.t = watch
			handler := j.API(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got, err := io.ReadAll(r.Body); err != nil || string(got) != tc.sent {
					t.Errorf("handler got %q, %v", got, err)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.answer)
			}))
			req := httptest.NewRequest(tc.method, prefix+tc.path, strings.NewReader(tc.sent))
			req.Header.Set("Content-Type", "application/json")
			out := httptest.NewRecorder()
			handler.ServeHTTP(out, req)
			if out.Code != tc.status || out.Body.String() != tc.answer {
				t.Errorf("passed on %d %q", out.Code, out.Body)
			}
			got := strings.Join(watch.errors, "\n")
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("complaint %q, want %q", got, tc.want)
			}
		})
	}
}

func TestJudgeObjectsToWebhooks(t *testing.T) {
	for name, body := range map[string]string{
		"field missing":  `{"action":"published"}`,
		"unknown action": `{"action":"vanished"}`,
		"no JSON":        `{`,
	} {
		j := New(t)
		watch := &spy{TB: t}
		j.t = watch
		j.Webhook("registry_package", []byte(body))
		if len(watch.errors) != 1 {
			t.Errorf("%s: complaints %q", name, watch.errors)
		}
	}
}
