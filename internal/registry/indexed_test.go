package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// internet is every host there is, in one server: over HTTPS, and over plain HTTP
// at port 80. It notes what is asked and with which user.
type internet struct {
	mu      sync.Mutex
	asked   []string
	answers map[string]http.HandlerFunc // by scheme://host/path
}

func newInternet(t *testing.T) (*internet, *http.Transport) {
	t.Helper()
	n := &internet{answers: map[string]http.HandlerFunc{}}
	secure, plain := httptest.NewTLSServer(n), httptest.NewServer(n)
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	return n, &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the names are not the certificate's
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := secure.Listener.Addr().String()
			if strings.HasSuffix(address, ":80") {
				to = plain.Listener.Addr().String()
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		},
	}
}

func (n *internet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address := "http://" + r.Host + r.URL.Path
	if r.TLS != nil {
		address = "https://" + r.Host + r.URL.Path
	}
	user, _, _ := r.BasicAuth()
	n.mu.Lock()
	n.asked = append(n.asked, strings.TrimSpace(address+" "+user))
	answer := n.answers[address]
	n.mu.Unlock()
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, r)
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func leads(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

// What an index may name as the place of an archive, and who is asked then: never
// in plain HTTP, never what only we can reach, and with a login only where that is
// bound to the very host and path.
func TestAddressOfArchive(t *testing.T) {
	const base = "https://charts.acme.io/stable"
	rows := []struct {
		url, location string   // location: where the address leads to
		asked         []string // after the index; empty: nobody
	}{
		{"app.tgz", "", []string{base + "/app.tgz us"}},
		{"./a/app%2B1.tgz", "", []string{base + "/a/app+1.tgz us"}},
		{"/app.tgz", "", []string{"https://charts.acme.io/app.tgz"}},
		{"../app.tgz", "", []string{"https://charts.acme.io/app.tgz"}},
		{"/other/%2e%2e/stable/app.tgz", "", []string{"https://charts.acme.io/other/../stable/app.tgz"}},
		{"%2e%2e/app.tgz", "", []string{base + "/../app.tgz"}},
		{"..%2Fother%2Fapp.tgz", "", []string{base + "/../other/app.tgz"}},
		{"https://CHARTS.acme.io/stable/app.tgz", "", []string{base + "/app.tgz us"}},
		{"https://charts.acme.io:443/stable/app.tgz", "", []string{"https://charts.acme.io:443/stable/app.tgz"}},
		{"https://cdn.acme.io/app.tgz", "", []string{"https://cdn.acme.io/app.tgz them"}},
		{"//evil.io/stable/app.tgz", "", []string{"https://evil.io/stable/app.tgz"}},
		{"app.tgz", "https://evil.io/app.tgz", []string{base + "/app.tgz us", "https://evil.io/app.tgz"}},
		{"app.tgz", "https://evil.charts.acme.io/stable/app.tgz", []string{base + "/app.tgz us", "https://evil.charts.acme.io/stable/app.tgz"}},
		{"app.tgz", "https://cdn.acme.io/app.tgz", []string{base + "/app.tgz us", "https://cdn.acme.io/app.tgz them"}},
		{"app.tgz", "http://evil.io/app.tgz", []string{base + "/app.tgz us"}},
		{"app.tgz", "http://169.254.169.254/app.tgz", []string{base + "/app.tgz us"}},
		{"app.tgz", "https://10.0.0.1/app.tgz", []string{base + "/app.tgz us"}},
		{"app.tgz", "https://localhost/app.tgz", []string{base + "/app.tgz us"}},
		{"app.tgz", "http://127.0.0.1/app.tgz", []string{base + "/app.tgz us"}},
		{"http://charts.acme.io/stable/app.tgz", "", nil},
		{"http://evil.io/app.tgz", "", nil},
		{"https://10.0.0.1/app.tgz", "", nil},
		{"https://[::1]/app.tgz", "", nil},
		{"https://169.254.169.254/app.tgz", "", nil},
		{"https://127.1/app.tgz", "", nil},
		{"https://0x7f.0x1/app.tgz", "", nil},
		{"https://10.0.0.1./app.tgz", "", nil},
		{"https://intranet/app.tgz", "", nil},
		{"https://db.acme.io/app.tgz", "", nil},
		{"https://db.local/app.tgz", "", nil},
		{"https://metadata.google.internal/app.tgz", "", nil},
		{"https://octo:s3cret@evil.io/app.tgz", "", nil},
		{"oci://ghcr.io/acme/app", "", nil},
		{"file:///etc/passwd", "", nil},
		{"https:app.tgz", "", nil},
		{"ht!tp://x", "", nil},
		{"ftp://evil.io/app.tgz", "", nil},
	}
	for _, row := range rows {
		t.Run(row.url+" "+row.location, func(t *testing.T) {
			n, transport := newInternet(t)
			n.answers[base+"/index.yaml"] = says(fmt.Sprintf("entries: {app: [{version: 1.0.0, urls: [%q]}]}", row.url))
			if row.location != "" {
				n.answers[base+"/app.tgz"] = leads(row.location)
			}
			c := New(Config{Transport: transport, RetryWait: time.Millisecond, ChartHosts: []string{"db.acme.io"}, Insecure: []string{"charts.acme.io"}, Credentials: []Credential{
				{Host: "charts.acme.io", Prefix: "stable", Username: "us", Password: "s3cret", For: []string{"acme/*"}},
				{Host: "cdn.acme.io", Username: "them", Password: "s3cret", For: []string{"acme/*"}},
			}}).For("acme/app")
			for last := len(row.asked) - 1; last >= 0; last = -1 {
				address, _, _ := strings.Cut(row.asked[last], " ")
				if row.location == "" || len(row.asked) > 1 {
					n.answers[address] = says("content")
				}
			}
			found := discoverChart(t, c, promote.ChartSubscription{Repository: base, Name: "app"}, promote.Chart{})
			if n.asked[0] != base+"/index.yaml us" || strings.Join(n.asked[1:], "\n") != strings.Join(row.asked, "\n") {
				t.Errorf("asked %q, want %q", n.asked[1:], row.asked)
			}
			if refused := len(row.asked) == 0 || row.location != "" && len(row.asked) == 1; found.OK == refused || refused && found.reason("1.0.0") != Unreadable {
				t.Errorf("found %+v", found)
			}
			for _, p := range found.Passed {
				if strings.Contains(p.Detail, "s3cret") || strings.Contains(p.Detail, "evil") {
					t.Errorf("the reason quotes the index: %s", p.Detail)
				}
			}
		})
	}
}

// What an index says wrongly is told with what to do about it.
func TestAddressProblems(t *testing.T) {
	i, err := newIndexed(New(Config{}), "https://charts.acme.io", "app")
	must(t, err)
	for url, want := range map[string]string{
		"oci://ghcr.io/acme/app": "subscribe to that", "ftp://evil.io/app.tgz": "plain https address", "https://10.0.0.1/app.tgz": "only insiders",
	} {
		if at, problem := i.address(url); at != nil || !strings.Contains(problem, want) {
			t.Errorf("%s: %v, %q", url, at, problem)
		}
	}
}

// F1, F2: where the index gives no digest the archive's own counts, looked at
// every time; a digest that is not the archive's makes the version unreadable.
func TestDigestOfArchive(t *testing.T) {
	s := newIndexShelf(t)
	want := s.put("1.0.0", "content")
	s.list("1.0.0", "urls: [app-1.0.0.tgz]")
	c := s.client()
	found := discoverChart(t, c, s.sub(""), promote.Chart{})
	if found.Chart.Digest != want {
		t.Errorf("found %+v, want %s", found, want)
	}
	if data, err := c.Chart(t.Context(), found.Chart); string(data) != "content" {
		t.Errorf("%q, %v", data, err)
	}
	s.archives["/stable/app-1.0.0.tgz"] = "other"
	if again := discoverChart(t, c, s.sub(""), found.Chart); again.Chart.Digest == want {
		t.Errorf("found %+v", again)
	}
	if data, err := s.client().Chart(t.Context(), found.Chart); kindIn(err) != Malformed {
		t.Errorf("what is not the freight's is given out: %q, %v", data, err)
	}

	s.put("1.1.0", "more")
	s.archives["/stable/app-1.1.0.tgz"] = "other"
	if found := discoverChart(t, c, s.sub("1.1.0"), promote.Chart{}); found.OK || found.reason("1.1.0") != Unreadable {
		t.Errorf("found %+v", found)
	}
	s.list("1.1.0", "urls: [app-1.1.0.tgz], digest: md5")
	if found := discoverChart(t, c, s.sub("1.1.0"), promote.Chart{}); found.OK || found.reason("1.1.0") != Unreadable {
		t.Errorf("found %+v", found)
	}
}

// An index that has not changed is not read again, one that has is.
func TestIndexUnchanged(t *testing.T) {
	s := newIndexShelf(t)
	s.etag = true
	s.put("1.0.0", "old")
	c := s.client()
	for range 3 {
		if found := discoverChart(t, c, s.sub(""), promote.Chart{}); found.Chart.Version != "1.0.0" {
			t.Errorf("found %+v", found)
		}
	}
	noDigest := promote.Chart{Repository: s.sub("").Repository, Name: "app", Version: "1.0.0"}
	if data, err := c.Chart(t.Context(), noDigest); kindIn(err) != Invalid {
		t.Errorf("without a digest: %q, %v", data, err)
	}
	if s.whole != 1 {
		t.Errorf("read %d times", s.whole)
	}
	s.put("1.1.0", "new")
	if found := discoverChart(t, c, s.sub(""), promote.Chart{}); found.Chart.Version != "1.1.0" || s.whole != 2 {
		t.Errorf("read %d times, found %+v", s.whole, found)
	}
	s.fail(answer(http.StatusNotModified, "", every))
	if found, err := s.client().DiscoverChart(t.Context(), s.sub(""), promote.Chart{}, false); err == nil {
		t.Errorf("not changed since never: %+v", found)
	}
}

// F8: versions on a host that is gone are passed over; the index is not.
func TestArchivesElsewhere(t *testing.T) {
	s := newIndexShelf(t)
	s.put("1.0.0", "content")
	gone := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	c := New(Config{RetryWait: time.Millisecond, ChartHosts: []string{s.host}, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "gone.acme.io") {
				address = gone
			}
			if strings.HasPrefix(address, "inside.acme.io") {
				return nil, refusePrivate(network, "10.0.0.1:443", nil)
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}})
	s.list("1.1.0", "urls: ['https://gone.acme.io/app.tgz']")
	s.list("1.2.0", "urls: ['https://inside.acme.io/app.tgz']")
	found := discoverChart(t, c, s.sub(""), promote.Chart{})
	if found.Chart.Version != "1.0.0" || found.reason("1.1.0") != Unreadable || found.reason("1.2.0") != Unreadable {
		t.Errorf("found %+v", found)
	}
	if found, err := c.DiscoverChart(t.Context(), s.sub(">1.0"), promote.Chart{}, false); kindIn(err) != Unavailable {
		t.Errorf("nothing can be read: %+v, %v", found, err)
	}
}
