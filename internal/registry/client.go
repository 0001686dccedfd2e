package registry

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
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
	Credentials []Credential // from TOWPATH_REGISTRY_*; the most specific wins, then the first
	// DockerConfigFor are the repositories whose pipelines may also use the usual
	// Docker (or Podman) configuration and its helpers, as in [Credential.For].
	DockerConfigFor []string
	Insecure        []string          // further registries that speak plain HTTP, as in image names
	ChartHosts      []string          // hosts of indexes that may have private addresses and speak plain HTTP, with their ports
	Transport       http.RoundTripper // for tests: in the place of what looks at addresses, too; nil: the usual one
	Timeout         time.Duration     // of one call; 0: two minutes
	RetryWait       time.Duration     // before the second of three attempts, three times that before the third; 0: 0.3 s
}

// Client asks registries for those who have the same credentials; [New] returns
// one without any, [Client.For] the one of a repository's pipelines. What one of
// them has read is never told by another. It is safe for use by several goroutines.
type Client struct {
	*shared
	rights  string // which credentials it has
	keys    authn.Keychain
	options []remote.Option
	web     *http.Client

	mu     sync.Mutex
	puller *remote.Puller // nil: log in anew
	since  time.Time
}

// shared is what the clients for all repositories have together.
type shared struct {
	cfg        Config
	insecure   map[string]bool
	chartHosts map[string]bool
	registries http.RoundTripper // the way to registries
	indexes    guard             // the way to indexes and archives of charts
	known      *lru.Cache        // factsKey → facts
	kept       *kept             // archives and indexes of charts
	clients    sync.Map          // rights → *Client
}

// New returns a client without credentials. It does not connect anywhere.
func New(cfg Config) *Client {
	cfg.Timeout, cfg.RetryWait = cmp.Or(cfg.Timeout, defaultTimeout), cmp.Or(cfg.RetryWait, defaultRetryWait)
	s := &shared{
		cfg:        cfg,
		insecure:   hosts(cfg.Insecure),
		chartHosts: hosts(cfg.ChartHosts),
		known:      lru.New(maxFacts),
		kept:       newKept(maxKept),
	}
	toRegistries, toIndexes := remote.DefaultTransport, newOutward(s.chartHost)
	if cfg.Transport != nil {
		toRegistries, toIndexes = cfg.Transport, cfg.Transport
	}
	s.registries = guard{inner: toRegistries, plain: s.speaksPlainHTTP}
	s.indexes = guard{inner: toIndexes, plain: s.chartHost}
	return s.client("", nil, false)
}

// For returns the client of the pipelines in a repository (owner/name): it has the
// credentials that the operator bound to that repository (H3), and no others.
func (c *Client) For(repository string) *Client {
	var keys keychain
	rights := ""
	for i, credential := range c.cfg.Credentials {
		if Covers(credential.For, repository) {
			keys = append(keys, credential)
			rights += strconv.Itoa(i) + " "
		}
	}
	docker := Covers(c.cfg.DockerConfigFor, repository)
	if docker {
		rights += "docker"
	}
	return c.client(rights, keys, docker)
}

// client returns the one client with these credentials.
func (s *shared) client(rights string, keys keychain, docker bool) *Client {
	if known, ok := s.clients.Load(rights); ok {
		return known.(*Client)
	}
	retry := remote.Backoff{Duration: s.cfg.RetryWait, Factor: 3, Jitter: 0.1, Steps: attempts}
	var all authn.Keychain = keys
	if docker {
		all = authn.NewMultiKeychain(keys, authn.DefaultKeychain)
	}
	known, _ := s.clients.LoadOrStore(rights, &Client{shared: s, rights: rights, keys: all, web: newWeb(s.indexes, keys, retry), options: []remote.Option{
		remote.WithAuthFromKeychain(all),
		remote.WithTransport(s.registries),
		remote.WithUserAgent("towpath"),
		remote.WithJobs(maxReads),
		remote.WithRetryBackoff(retry),
	}})
	return known.(*Client)
}

func hosts(names []string) map[string]bool {
	out := map[string]bool{}
	for _, name := range names {
		out[strings.ToLower(name)] = true
	}
	return out
}

func (s *shared) speaksPlainHTTP(host string) bool {
	registry, err := registryOf(strings.ToLower(host), s.insecure)
	return err == nil && registry.Scheme() == "http"
}

// chartHost tells the hosts of indexes that the operator vouches for.
func (s *shared) chartHost(host string) bool { return s.chartHosts[strings.ToLower(host)] }

// session is one look at one repository.
type session struct {
	puller     *remote.Puller
	repository name.Repository
	normalised string     // the repository's name in freight and in errors
	rights     string     // of the client
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
	return &session{puller: c.puller, repository: parsed, normalised: normalised, rights: c.rights, known: c.known}, nil
}

// forget makes the next look log in anew where access was refused. What has no
// session logs in every time.
func (c *Client) forget(s *session, err error) {
	if refused := (*Error)(nil); s == nil || !errors.As(err, &refused) || refused.Kind != Unauthorized {
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
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
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
	search := &search{origin: s, repository: s.normalised, rule: rule}
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
// that is made by hand (F5); platform is as in a subscription. Its Tag is empty
// when it was asked by digest. The error is an [*Error], of kind [NotFound] where
// the registry does not know it.
func (c *Client) Resolve(ctx context.Context, repository, tagOrDigest, platform string) (promote.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	s, err := c.session(repository)
	if err != nil {
		return promote.Image{}, err
	}
	var only *v1.Platform
	if platform != "" {
		if only, err = parsePlatform(platform); err != nil {
			return promote.Image{}, &Error{Kind: Invalid, Repository: s.normalised, Detail: oneLine(err.Error())}
		}
	}
	image, err := s.resolve(ctx, tagOrDigest, only)
	if err != nil {
		c.forget(s, err)
		return promote.Image{}, err
	}
	return image, nil
}

func (s *session) resolve(ctx context.Context, tagOrDigest string, platform *v1.Platform) (promote.Image, error) {
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
	said, err := s.facts(ctx, digest, platform)
	if err != nil {
		return promote.Image{}, err
	}
	if said.reason != "" {
		return promote.Image{}, &Error{Kind: Invalid, Repository: s.normalised, Detail: tagOrDigest + " can not be taken: " + said.detail}
	}
	return said.image(s.normalised, tag, digest), nil
}
