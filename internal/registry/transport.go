package registry

import (
	"context"
	"io"
	"net/http"
)

// answerLimit bounds every body that a registry sends: a page of tags, a
// manifest, a configuration. Of layers only charts are read, [withLimit].
const answerLimit = 8 << 20

type limitKey struct{}

// withLimit lets bodies of what is asked in the context have as many bytes.
func withLimit(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

// redirectLimit bounds how often a request is sent elsewhere; the client that is
// wrapped around the guard does not.
const redirectLimit = 10

// guard is the one way out: it bounds answers and redirects, and refuses plain
// HTTP to hosts that nobody said should be spoken to in it.
type guard struct {
	inner http.RoundTripper
	plain func(host string) bool
}

func (g guard) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := g.refuse(request); err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // a RoundTripper must; there is nothing to lose in a body that is not sent
		}
		return nil, err
	}
	response, err := g.inner.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	limit, ok := request.Context().Value(limitKey{}).(int64)
	if !ok {
		limit = answerLimit
	}
	response.Body = &bounded{ReadCloser: response.Body, left: limit}
	return response, nil
}

func (g guard) refuse(request *http.Request) error {
	if request.URL.Scheme != "https" && !g.plain(request.URL.Host) {
		return errPlainHTTP
	}
	redirects := 0
	for r := request; r.Response != nil && r.Response.Request != nil; r = r.Response.Request {
		redirects++
	}
	if redirects > redirectLimit {
		return errRedirects
	}
	return nil
}

// bounded fails with errTooLarge instead of reading on for ever.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	// One byte more than there may be tells the end from what is too large.
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, errTooLarge
	}
	return n, err
}
