package registry

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"k8s.io/utils/lru"

	"github.com/towpath/towpath/internal/promote"
)

// Bounds of what one look at a repository costs.
const (
	maxTags   = 50_000 // of a repository
	maxPages  = 1_000  // that they may come in
	maxBuilds = 1_000  // admitted tags of a newest-build selection
	parallel  = 8      // requests of one look in flight
	maxReads  = 128    // configurations being read, over all looks
	maxFacts  = 10_000 // digests remembered, a few hundred bytes each
)

const (
	defaultTimeout   = 2 * time.Minute
	defaultRetryWait = 300 * time.Millisecond
	attempts         = 3
	// loginAge is how long a connection's login is kept, so that a changed
	// Docker configuration and a helper's short-lived password are read again.
	loginAge = 5 * time.Minute
)

// Config is how registries are reached. The zero value reaches public ones.
type Config struct {
	Credentials  []Credential // from TOWPATH_REGISTRY_*; the most specific wins, then the first
	DockerConfig bool         // also use the usual Docker (or Podman) configuration and its helpers
	Insecure     []string     // further hosts that speak plain HTTP, as in image names
	Transport    http.RoundTripper
	Timeout      time.Duration // of one Discover or Resolve; 0: two minutes
	RetryWait    time.Duration // before the second of three attempts, three times that before the third; 0: 0.3 s
}

// Client asks registries. It is safe for use by several goroutines.
type Client struct {
	options  []remote.Option
	insecure map[string]bool
	timeout  time.Duration
	known    *lru.Cache // factsKey → facts

	mu     sync.Mutex
	puller *remote.Puller // nil: log in anew
	since  time.Time
}

// New returns a client. It does not connect anywhere.
func New(cfg Config) *Client {
	c := &Client{
		insecure: map[string]bool{},
		timeout:  cmp.Or(cfg.Timeout, defaultTimeout),
		known:    lru.New(maxFacts),
	}
	for _, host := range cfg.Insecure {
		c.insecure[strings.ToLower(host)] = true
	}
	var keys authn.Keychain = keychain(cfg.Credentials)
	if cfg.DockerConfig {
		keys = authn.NewMultiKeychain(keys, authn.DefaultKeychain)
	}
	transport := cfg.Transport
	if transport == nil {
		transport = remote.DefaultTransport
	}
	c.options = []remote.Option{
		remote.WithAuthFromKeychain(keys),
		remote.WithTransport(guard{inner: transport, plain: c.speaksPlainHTTP}),
		remote.WithUserAgent("towpath"),
		remote.WithJobs(maxReads),
		remote.WithRetryBackoff(remote.Backoff{
			Duration: cmp.Or(cfg.RetryWait, defaultRetryWait),
			Factor:   3,
			Jitter:   0.1,
			Steps:    attempts,
		}),
	}
	return c
}

func (c *Client) speaksPlainHTTP(host string) bool {
	registry, err := registryOf(strings.ToLower(host), c.insecure)
	return err == nil && registry.Scheme() == "http"
}

// session is one look at one repository.
type session struct {
	puller     *remote.Puller
	repository name.Repository
	normalised string     // the repository's name in freight and in errors
	known      *lru.Cache // factsKey → facts
}

func (c *Client) session(repository string) (*session, error) {
	normalised := promote.NormaliseImage(repository)
	parsed, err := repositoryOf(normalised, c.insecure)
	if err != nil {
		return nil, &Error{Kind: Invalid, Repository: quoteName(repository), Detail: err.Error()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.puller == nil || time.Since(c.since) > loginAge {
		puller, err := remote.NewPuller(c.options...)
		if err != nil {
			return nil, classify(normalised, err)
		}
		c.puller, c.since = puller, time.Now()
	}
	return &session{puller: c.puller, repository: parsed, normalised: normalised, known: c.known}, nil
}

// forget makes the next look log in anew where access was refused.
func (c *Client) forget(s *session, err error) {
	if refused := (*Error)(nil); !errors.As(err, &refused) || refused.Kind != Unauthorized {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.puller == s.puller {
		c.puller = nil
	}
}

// Found is what a subscription leads to now.
type Found struct {
	Image  promote.Image
	OK     bool     // false: nothing that is there is admitted
	Passed []Passed // everything seen and not taken: what is admitted from the best on, then the rest by name
}

// Discover finds the best image of a subscription. previous is what was selected
// last, without which hadPrevious is false.
//
// The previous image is the answer again, its old tag included, while its digest
// is still the best under whatever tag (F3; not with identity: tag), and while
// what is listed is older and the rule still admits its tag, although the tag is
// gone or can not be read (F6). It gives way to a better one, to its own tag
// pushed again, and to anything admitted once the rule leaves it out. With
// newest-build a tag that is pushed again with an older build is older.
//
// Single images that can not be read are passed over. The error is an [*Error]:
// the registry could not be asked, several images in a row could not be read
// without any that could, or there is more to read than is looked at (more than
// 50,000 tags, or 1,000 admitted ones for newest-build); nothing is known then.
func (c *Client) Discover(ctx context.Context, sub promote.ImageSubscription, previous promote.Image, hadPrevious bool) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s, err := c.session(sub.Repository)
	if err != nil {
		return Found{}, err
	}
	rule, err := newRule(sub)
	if err != nil {
		return Found{}, &Error{Kind: Invalid, Repository: s.normalised, Detail: oneLine(err.Error())}
	}
	previous.ByTag = sub.ByTag
	search := &search{session: s, rule: rule}
	if hadPrevious && promote.NormaliseImage(previous.Repository) == s.normalised {
		search.previous = previous
	}
	found, err := search.run(ctx)
	if err != nil {
		c.forget(s, err)
		return Found{}, err
	}
	return found, nil
}

// Resolve returns the image of a tag or of a digest ("sha256:…"), for freight
// that is made by hand (F5). Its Tag is empty when it was asked by digest. The
// error is an [*Error], of kind [NotFound] where the registry does not know it.
func (c *Client) Resolve(ctx context.Context, repository, tagOrDigest string) (promote.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s, err := c.session(repository)
	if err != nil {
		return promote.Image{}, err
	}
	image, err := s.resolve(ctx, tagOrDigest)
	if err != nil {
		c.forget(s, err)
		return promote.Image{}, err
	}
	return image, nil
}

func (s *session) resolve(ctx context.Context, tagOrDigest string) (promote.Image, error) {
	var tag, digest string
	switch {
	case digestName.MatchString(tagOrDigest):
		digest = tagOrDigest
	case tagName.MatchString(tagOrDigest):
		tag = tagOrDigest
		var err error
		if digest, err = s.digest(ctx, tag); err != nil {
			return promote.Image{}, err
		}
	default:
		return promote.Image{}, &Error{Kind: Invalid, Repository: s.normalised, Detail: quoteName(tagOrDigest) + " is neither a tag nor a digest"}
	}
	said, err := s.facts(ctx, digest, nil)
	if err != nil {
		return promote.Image{}, err
	}
	if said.reason != "" {
		return promote.Image{}, &Error{Kind: Invalid, Repository: s.normalised, Detail: tagOrDigest + " is no image: " + said.detail}
	}
	return s.image(tag, digest, said), nil
}

func (s *session) image(tag, digest string, said facts) promote.Image {
	return promote.Image{Repository: s.normalised, Tag: tag, Digest: digest, Revision: said.revision, Created: said.created}
}
