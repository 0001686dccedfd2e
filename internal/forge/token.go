package forge

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
)

// lifeLeft is how long a token must still live when it is handed out: a large
// push may take a while.
const lifeLeft = 5 * time.Minute

// tokens hands out the credential of one client.
type tokens interface {
	token(ctx context.Context) (string, error)
	// refused is told that GitHub did not accept a token.
	refused(token string)
}

// fixed is a plain token, for trying out.
type fixed string

func (f fixed) token(context.Context) (string, error) { return string(f), nil }
func (f fixed) refused(string)                        {}

// installation mints the tokens of one installation of the App and keeps each
// until shortly before its end.
type installation struct {
	id    int64
	appID int64
	key   *rsa.PrivateKey
	api   string            // without the slash at the end
	next  http.RoundTripper // what the requests for a token go through
	clock func() time.Time

	turn    chan struct{} // holds one element while somebody uses the fields below
	current string
	expires time.Time
}

func (i *installation) token(ctx context.Context) (string, error) {
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if i.current != "" && i.clock().Before(i.expires.Add(-lifeLeft)) {
		return i.current, nil
	}
	// ghinstallation caches by the wall clock and writes to what its transports
	// share, so each of ours lives for one token.
	minted := ghinstallation.NewFromAppsTransport(ghinstallation.NewAppsTransportFromPrivateKey(i.next, i.appID, i.key), i.id)
	minted.BaseURL = i.api
	token, err := minted.Token(ctx)
	if err != nil {
		return "", err
	}
	expires, _, err := minted.Expiry()
	if err == nil && token == "" {
		err = errors.New("GitHub answered without a token")
	}
	if err != nil {
		return "", fmt.Errorf("token of installation %d: %w", i.id, err)
	}
	i.current, i.expires = token, expires
	return token, nil
}

func (i *installation) refused(token string) {
	i.turn <- struct{}{}
	defer func() { <-i.turn }()
	if i.current == token {
		i.current = ""
	}
}

// signed is the outermost layer: it puts the credential on every request.
type signed struct {
	next   http.RoundTripper
	tokens tokens
}

func (s *signed) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := s.tokens.token(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		s.tokens.refused(token)
	}
	return resp, err
}
