package registry

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// What a pipeline names as an index is asked on public addresses only, whatever
// speaks there and whoever has a login, unless the operator lists the host; and a
// login never goes over plain HTTP.
func TestIndexOfInsiders(t *testing.T) {
	var asked, logins atomic.Int32
	note := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if _, _, ok := r.BasicAuth(); ok {
			logins.Add(1)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	plain, secure := httptest.NewServer(note), httptest.NewTLSServer(note)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	closed := httptest.NewServer(note)
	closed.Close()
	for _, server := range []*httptest.Server{plain, secure, closed} {
		_, host, _ := strings.Cut(server.URL, "://")
		_, port, _ := strings.Cut(host, ":")
		cfg := Config{RetryWait: time.Millisecond, Credentials: []Credential{{Host: host, Username: "octo", Password: "s3cret", For: []string{"*"}}}}
		var texts []string
		for _, name := range []string{host, "localhost:" + port, "[::ffff:127.0.0.1]:" + port} {
			sub := promote.ChartSubscription{Repository: "https://" + name + "/acme/admin/shutdown", Name: "app"}
			_, err := New(cfg).For("evil/x").DiscoverChart(t.Context(), sub, promote.Chart{}, false)
			if kindIn(err) != Invalid || !strings.Contains(err.Error(), "TOWPATH_CHART_HOSTS") {
				t.Fatalf("%s: %v", name, err)
			}
			texts = append(texts, strings.Replace(err.Error(), name, "", 1))
		}
		if asked.Load() != 0 || texts[0] != texts[1] {
			t.Errorf("%s was asked %d times; %q", host, asked.Load(), texts)
		}
	}
	_, host, _ := strings.Cut(plain.URL, "://")
	c := New(Config{RetryWait: time.Millisecond, ChartHosts: []string{host}, Credentials: []Credential{{Host: host, Username: "octo", Password: "s3cret", For: []string{"*"}}}})
	sub := promote.ChartSubscription{Repository: "https://" + host, Name: "app"}
	if _, err := c.For("acme/app").DiscoverChart(t.Context(), sub, promote.Chart{}, false); kindIn(err) != Malformed || asked.Load() != 1 || logins.Load() != 0 {
		t.Errorf("listed: asked %d times, %d with the login, %v", asked.Load(), logins.Load(), err)
	}
}

// A proxy connects by itself, so that names are what is looked at.
func TestIndexOfInsidersByProxy(t *testing.T) {
	o := outward{listed: func(host string) bool { return host == "charts.internal" }}
	got := func(address string) string {
		t.Helper()
		way := "nobody"
		o.open = roundTrip(func() { way = "open" })
		o.checked = roundTrip(func() { way = "checked" })
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		must(t, err)
		o.proxy = http.ProxyURL(request.URL)
		_, _ = o.RoundTrip(request)
		return way
	}
	for address, want := range map[string]string{
		"https://charts.acme.io/index.yaml": "open", "https://charts.internal/index.yaml": "open",
		"https://10.0.0.1/index.yaml": "nobody", "https://intranet/index.yaml": "nobody", "https://db.internal/index.yaml": "nobody",
	} {
		if way := got(address); way != want {
			t.Errorf("%s went by %s, want %s", address, way, want)
		}
	}
}

type roundTrip func()

func (f roundTrip) RoundTrip(*http.Request) (*http.Response, error) {
	f()
	return nil, http.ErrServerClosed
}

func TestPublicAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "185.199.108.153": true, "2606:50c0:8000::153": true, "64:ff9b::808:808": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.8.8.8": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false, "224.0.0.1": false,
		"255.255.255.255": false, "240.0.0.1": false, "192.0.0.192": false, "198.18.0.1": false, "203.0.113.1": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "fc00::1": false, "ff02::1": false,
		"fec0::1": false, "::ffff:10.0.0.1": false, "::10.0.0.1": false, "64:ff9b::a00:1": false, "64:ff9b:1::a00:1": false,
		"2002:a00:1::1": false, "2002:a00:1::1%eth0": false, "2001::1": false, "2001:db8::1": false,
	} {
		if got := publicAddress(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}
