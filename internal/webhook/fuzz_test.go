package webhook

import (
	"net/http"
	"strings"
	"testing"
)

// wellFormed fails unless every topic is already in its one form.
func wellFormed(t *testing.T, d Delivery) {
	t.Helper()
	for _, topic := range d.Topics {
		var again Topic
		var err error
		if name, ok := strings.CutPrefix(string(topic), "repo:"); ok {
			again, err = RepositoryTopic(name)
		} else {
			host, path, _ := strings.Cut(strings.TrimPrefix(string(topic), "image:"), "/")
			again, err = hostedImage(host, path)
		}
		if err != nil || again != topic {
			t.Errorf("topic %q is not in its one form: %q, %v", topic, again, err)
		}
	}
}

func FuzzGitHub(f *testing.F) {
	events := githubEvents()
	for event := range events {
		f.Add(event, "application/json", []byte(pushed))
	}
	for _, event := range []string{"package", "registry_package", "installation", "installation_repositories", "repository_dispatch"} {
		f.Add(event, "application/json", []byte(testdata(f, "github/"+event+".json")))
	}
	f.Add("push", "application/x-www-form-urlencoded", []byte("payload=%7B%7D"))
	f.Fuzz(func(t *testing.T, event, contentType string, body []byte) {
		header := http.Header{"X-Github-Delivery": {someID}, "X-Github-Event": {event}, "Content-Type": {contentType}}
		if d, err := narrowGitHub(events, header, body); err == nil {
			wellFormed(t, d)
		}
	})
}

func FuzzDistribution(f *testing.F) {
	f.Add([]byte(testdata(f, "distribution.json")))
	f.Fuzz(func(t *testing.T, body []byte) {
		if d, err := narrowDistribution(body); err == nil {
			wellFormed(t, d)
		}
	})
}

func FuzzGeneric(f *testing.F) {
	f.Add("run-1", []byte(`{"image":"ghcr.io/acme/app:1@sha256:abc","repository":"acme/app"}`))
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		if d, err := narrowGeneric(http.Header{"X-Towpath-Delivery": {id}}, body); err == nil {
			wellFormed(t, d)
		}
	})
}
