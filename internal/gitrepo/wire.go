package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Services of a git server.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

const maxRedirects = 3

// statusError is an answer that is not git's.
type statusError struct {
	code int
	text string // the server's words, sanitised, may be empty
}

func (e *statusError) Error() string {
	if e.text == "" {
		return fmt.Sprintf("HTTP status %d", e.code)
	}
	return fmt.Sprintf("HTTP status %d: %s", e.code, e.text)
}

// remoteConn makes authenticated requests to one remote.
type remoteConn struct {
	client *http.Client

	mu          sync.Mutex
	credentials func(ctx context.Context) (string, string, error)
	base        string // the URL, moved when the server says that the repository moved
}

func newRemoteConn(client *http.Client, remote Remote) *remoteConn {
	return &remoteConn{
		client:      client,
		credentials: remote.Credentials,
		base:        strings.TrimSuffix(remote.URL, "/"),
	}
}

func (c *remoteConn) useCredentials(credentials func(ctx context.Context) (string, string, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.credentials = credentials
}

// post sends one request to a service. The caller closes the answer.
func (c *remoteConn) post(ctx context.Context, service string, body []byte) (io.ReadCloser, error) {
	return c.do(ctx, http.MethodPost, "/"+service, service, body)
}

// advertisement reads what a service says about itself before anything is asked.
func (c *remoteConn) advertisement(ctx context.Context, service string) (io.ReadCloser, error) {
	return c.do(ctx, http.MethodGet, "/info/refs?service="+service, service, nil)
}

func (c *remoteConn) do(ctx context.Context, method, suffix, service string, body []byte) (io.ReadCloser, error) {
	c.mu.Lock()
	base := c.base
	c.mu.Unlock()
	for range maxRedirects + 1 {
		resp, err := c.send(ctx, method, base+suffix, service, body)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			c.mu.Lock()
			c.base = base
			c.mu.Unlock()
			return answer{resp.Body}, nil
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxServerText)) // a status is worth more than its text
		resp.Body.Close()
		if resp.StatusCode < 300 || resp.StatusCode > 399 {
			return nil, statusOf(resp, text)
		}
		if base, err = redirected(base, suffix, resp); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("too many redirects")
}

// answer is read to its end when it is closed, unless much is left, so that
// the next request finds the connection open.
type answer struct{ io.ReadCloser }

const maxLeft = 64 << 10

func (a answer) Close() error {
	io.CopyN(io.Discard, a.ReadCloser, maxLeft) // whatever comes, closing is next
	return a.ReadCloser.Close()
}

func (c *remoteConn) send(ctx context.Context, method, target, service string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "git/towpath")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-"+service+"-request")
		req.Header.Set("Accept", "application/x-"+service+"-result")
	}
	if service == uploadPack {
		req.Header.Set("Git-Protocol", "version=2")
	}
	c.mu.Lock()
	credentials := c.credentials
	c.mu.Unlock()
	if credentials != nil {
		username, password, err := credentials(ctx)
		if err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
		req.SetBasicAuth(username, password)
	}
	return c.client.Do(req)
}

// statusOf keeps the server's words when they are plain text, as git servers
// send them; pages for browsers say nothing to a log.
func statusOf(resp *http.Response, text []byte) error {
	e := &statusError{code: resp.StatusCode}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		e.text = serverText(string(text))
	}
	return e
}

// redirected gives the new base URL, which must be on the same scheme, host
// and port: whoever may redirect must not get the credentials.
func redirected(base, suffix string, resp *http.Response) (string, error) {
	from, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	to, err := resp.Location()
	if err != nil {
		return "", &statusError{code: resp.StatusCode}
	}
	if to.Scheme != from.Scheme || to.Host != from.Host || to.User != nil {
		return "", fmt.Errorf("redirect to another host (%s) is not followed", to.Host)
	}
	moved, ok := strings.CutSuffix(to.String(), suffix)
	if !ok {
		return "", errors.New("redirect to something that is not a git repository")
	}
	return moved, nil
}
