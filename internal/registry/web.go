package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// newWeb returns the way to servers that are no registries. It tries again what
// the registry client tries again.
func newWeb(way guard, keys keychain, retry remote.Backoff) *http.Client {
	again := transport.NewRetry(way, transport.WithRetryBackoff(retry),
		transport.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout))
	return &http.Client{
		Transport: login{inner: again, keys: keys},
		CheckRedirect: func(request *http.Request, via []*http.Request) error {
			if request.URL.Host != via[0].URL.Host && !public(request.URL, way.plain) {
				return errElsewhere
			}
			return nil // the guard counts them
		},
	}
}

// public tells addresses that anybody could name from those that only we may
// reach: what somebody else's answer leads to must not be the latter.
func public(u *url.URL, ours func(host string) bool) bool {
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	top := name[strings.LastIndexByte(name, '.')+1:] // of a number in any notation it begins with a digit
	known := top != name && top != "" && (top[0] < '0' || top[0] > '9') && !strings.Contains(name, ":")
	return known && !slices.Contains([]string{"local", "internal", "localhost"}, top) && !ours(u.Host)
}

// login adds the credential that is bound to the host and the path of each
// request by itself, so that no redirect takes one along, and to HTTPS alone.
type login struct {
	inner http.RoundTripper
	keys  keychain
}

func (l login) RoundTrip(request *http.Request) (*http.Response, error) {
	place := strings.ToLower(request.URL.Host + request.URL.Path)
	if c, ok := l.keys.best(place); ok && request.URL.Scheme == "https" && !slices.Contains(strings.Split(request.URL.Path, "/"), "..") {
		request = request.Clone(request.Context())
		request.SetBasicAuth(c.Username, c.Password)
	}
	return l.inner.RoundTrip(request)
}

// fetched is what a web server answered.
type fetched struct {
	body []byte
	etag string
	same bool // it is what had the etag that was sent; there is no body
}

// fetch reads what is at an address, at most limit bytes. An answer other than
// 200 is an [*Error].
func (c *Client) fetch(ctx context.Context, at *url.URL, limit int64, etag string) (fetched, error) {
	answer, err := c.fetchAs(ctx, at, limit, etag)
	record := tls.RecordHeaderError{}
	if (errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)) && c.chartHost(at.Host) {
		plain := *at
		plain.Scheme = "http"
		return c.fetchAs(ctx, &plain, limit, etag)
	}
	return answer, err
}

func (c *Client) fetchAs(ctx context.Context, at *url.URL, limit int64, etag string) (fetched, error) {
	request, err := http.NewRequestWithContext(withLimit(ctx, limit), http.MethodGet, at.String(), nil)
	if err != nil {
		return fetched{}, err
	}
	request.Header.Set("User-Agent", "towpath")
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	if strings.HasSuffix(at.Path, ".tgz") {
		request.Header.Set("Accept-Encoding", "identity") // or a transport would unpack what servers say is packed twice
	}
	response, err := c.web.Do(request)
	if err != nil {
		return fetched{}, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusOK:
		body, err := io.ReadAll(response.Body)
		return fetched{body: body, etag: response.Header.Get("ETag")}, err
	case response.StatusCode == http.StatusNotModified && etag != "":
		return fetched{same: true}, nil
	}
	kind := kindOfStatus(response.StatusCode)
	return fetched{}, &Error{Kind: kind, Status: response.StatusCode, Detail: fmt.Sprintf("HTTP %d", response.StatusCode)}
}
