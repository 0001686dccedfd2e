package forge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

const (
	bodyLimit      = 16 << 20 // bytes of one answer; a page of 100 large pull requests is about 3 MiB
	attemptTimeout = 30 * time.Second
)

// errForeignHost ends a redirect that would carry our credentials elsewhere.
var errForeignHost = errors.New("refused to follow GitHub to another host")

// wire is the innermost layer: one request, one whole answer. Whoever is above
// it never meets an answer that breaks off later, nor one that is too large, nor
// the secret that the request was signed with.
type wire struct {
	base      http.RoundTripper
	api       *url.URL
	userAgent string
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != w.api.Host || req.URL.Scheme != w.api.Scheme {
		closeBody(req)
		return nil, errForeignHost
	}
	ctx, cancel := context.WithTimeout(req.Context(), attemptTimeout)
	defer cancel()
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", w.userAgent)
	_, secret, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, withoutSecret(err, secret)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, bodyLimit))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, withoutSecret(err, secret)
	}
	if secret != "" {
		body = bytes.ReplaceAll(body, []byte(secret), []byte("[secret]"))
	}
	return withBody(resp, body), nil
}

// withoutSecret keeps the error as it is, with its type, unless it would tell.
func withoutSecret(err error, secret string) error {
	if text := err.Error(); secret != "" && strings.Contains(text, secret) {
		return errors.New(strings.ReplaceAll(text, secret, "[secret]"))
	}
	return err
}

func withBody(resp *http.Response, body []byte) *http.Response {
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp
}

// closeBody keeps the promise of http.RoundTripper for a request not sent.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was written to it
	}
}

// userAgent names the product and its version, as GitHub asks for.
func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = strings.Trim(info.Main.Version, "()")
	}
	return "towpath/" + version
}
