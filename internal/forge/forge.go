package forge

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v62/github"
)

// Config says which GitHub it is and who we are there. Either AppID and
// PrivateKey are set, or Token.
type Config struct {
	URL          string // where people and git go; https://github.com when both are empty
	APIURL       string // where the API is; for a server of one's own URL/api/v3
	AppID        int64
	PrivateKey   []byte            // PEM of the App's RSA key
	Token        string            // instead of an App, for trying out
	Repositories []string          // with a Token: owner/name of what to look after; empty: all it may push to
	Pace         Pace              // of writes
	Transport    http.RoundTripper // nil: one with the usual timeouts
	Clock        func() time.Time  // nil: time.Now
	Logger       *slog.Logger      // nil: silent
}

// Forge is one GitHub, as one App or one token sees it.
type Forge struct {
	cfg  Config
	web  string   // without the slash at the end
	api  *url.URL // with it, as go-github wants
	key  *rsa.PrivateKey
	wire http.RoundTripper
	wait waiter

	known *answers
	pages pullPages
	app   *client // signs as the App itself; the token's client without an App

	mu        sync.Mutex
	self      string
	clients   map[int64]*client // by installation
	installed map[string]int64  // installation by lower-case owner/name
}

// client is go-github with one credential.
type client struct {
	*github.Client
	tokens tokens // nil for the App itself
}

// New checks the configuration and returns a Forge. It asks GitHub nothing.
func New(cfg Config) (*Forge, error) { return newForge(cfg, waitFor) }

func newForge(cfg Config, wait waiter) (*Forge, error) {
	f := &Forge{
		cfg: cfg, wait: wait, known: newAnswers(cacheLimit),
		clients: map[int64]*client{}, installed: map[string]int64{},
	}
	if f.cfg.Clock == nil {
		f.cfg.Clock = time.Now
	}
	if f.cfg.Logger == nil {
		f.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if f.web, f.api, err = addresses(cfg.URL, cfg.APIURL); err != nil {
		return nil, err
	}
	f.wire = &wire{base: cmp.Or(cfg.Transport, ordinaryTransport()), api: f.api, userAgent: userAgent()}
	switch isApp := cfg.AppID != 0 || len(cfg.PrivateKey) > 0; {
	case isApp && cfg.Token != "":
		return nil, errors.New("GitHub credentials: either an App or a token, not both")
	case isApp && (cfg.AppID == 0 || len(cfg.PrivateKey) == 0):
		return nil, errors.New("GitHub credentials: an App needs both its id and its private key")
	case isApp:
		if f.key, err = jwt.ParseRSAPrivateKeyFromPEM(cfg.PrivateKey); err != nil {
			return nil, errors.New("GitHub credentials: the private key is not an RSA key in PEM form") // the cause could quote the key
		}
		f.app = f.appClient()
	case cfg.Token != "":
		f.app = f.newClient(fixed(cfg.Token), f.layers("token"))
	default:
		return nil, errors.New("GitHub credentials: neither an App nor a token is given")
	}
	return f, nil
}

// addresses completes the two base addresses from each other.
func addresses(web, api string) (string, *url.URL, error) {
	web, api = strings.TrimRight(web, "/"), strings.TrimRight(api, "/")
	const publicWeb, publicAPI = "https://github.com", "https://api.github.com"
	if web == "" {
		web = publicWeb
		if api != "" && api != publicAPI {
			web = strings.TrimSuffix(api, "/api/v3")
		}
	}
	if api == "" {
		api = publicAPI
		if web != publicWeb {
			api = web + "/api/v3"
		}
	}
	if _, err := parseBase("GitHub URL", web); err != nil {
		return "", nil, err
	}
	parsed, err := parseBase("GitHub API URL", api+"/")
	return web, parsed, err
}

func parseBase(what, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s must be an http(s) address of a host without user, query and fragment", what)
	}
	return u, nil
}

func ordinaryTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16 // the default of 2 makes parallel reads shake hands again and again
	return t
}

// layers is what every request of one credential passes below its signature:
// pace and retry, then the answers that are known, then the wire.
func (f *Forge) layers(scope string) http.RoundTripper {
	inner := &conditional{next: f.wire, known: f.known, scope: scope}
	return newPacer(inner, f.cfg.Pace, f.cfg.Clock, f.wait, f.cfg.Logger)
}

func (f *Forge) newClient(t tokens, layers http.RoundTripper) *client {
	return &client{Client: f.goGithub(&signed{next: layers, tokens: t}), tokens: t}
}

func (f *Forge) appClient() *client {
	return &client{Client: f.goGithub(ghinstallation.NewAppsTransportFromPrivateKey(f.layers("app"), f.cfg.AppID, f.key))}
}

func (f *Forge) goGithub(transport http.RoundTripper) *github.Client {
	c := github.NewClient(&http.Client{Transport: transport})
	c.BaseURL = f.api
	return c
}

// installation returns the client of an installation, the same one every time.
func (f *Forge) installation(id int64) *client {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.clients[id]; ok {
		return c
	}
	scope := "installation " + strconv.FormatInt(id, 10)
	layers := f.layers(scope)
	c := f.newClient(&installation{
		id: id, appID: f.cfg.AppID, key: f.key, api: strings.TrimRight(f.api.String(), "/"),
		next: layers, clock: f.cfg.Clock, turn: make(chan struct{}, 1),
	}, layers)
	f.clients[id] = c
	return c
}

// IsApp reports whether we are a GitHub App rather than the bearer of a token.
func (f *Forge) IsApp() bool { return f.key != nil }

// Workflows is who a workflow's own token speaks as.
const Workflows = "github-actions[bot]"

// Self returns the login that our comments and pull requests carry: the App's
// slug with "[bot]", or the token's user. It is asked once. GitHub tells no user
// to a token of an App's installation, which is what workflows have: that one is
// taken for a workflow's own.
func (f *Forge) Self(ctx context.Context) (string, error) {
	f.mu.Lock()
	self := f.self
	f.mu.Unlock()
	if self != "" {
		return self, nil
	}
	if f.IsApp() {
		app, _, err := f.app.Apps.Get(ctx, "")
		if err != nil {
			return "", failed(err, "ask which App we are")
		}
		self = app.GetSlug() + "[bot]"
	} else {
		user, _, err := f.app.Users.Get(ctx, "")
		self = user.GetLogin()
		if status(err) == http.StatusForbidden {
			self, err = Workflows, nil
		}
		if err != nil {
			return "", failed(err, "ask whose token it is")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.self = self
	return self, nil
}

// Repositories returns what we look after, sorted by name: all that the App is
// installed on, or what the configuration lists for a token. Suspended
// installations are left out.
func (f *Forge) Repositories(ctx context.Context) ([]Repository, error) {
	var all []Repository
	var err error
	if f.IsApp() {
		all, err = f.installedRepositories(ctx)
	} else {
		all, err = f.tokenRepositories(ctx)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Repository) int { return cmp.Compare(a.FullName, b.FullName) })
	return all, nil
}

func (f *Forge) installedRepositories(ctx context.Context) ([]Repository, error) {
	installations, err := pages(0, func(o github.ListOptions) ([]*github.Installation, *github.Response, error) {
		return f.app.Apps.ListInstallations(ctx, &o)
	})
	if err != nil {
		return nil, failed(err, "list installations")
	}
	var all []Repository
	for _, inst := range installations {
		if inst.SuspendedAt != nil {
			continue
		}
		id := inst.GetID()
		repos, err := pages(0, func(o github.ListOptions) ([]*github.Repository, *github.Response, error) {
			list, resp, err := f.installation(id).Apps.ListRepos(ctx, &o)
			if err != nil {
				return nil, resp, err
			}
			return list.Repositories, resp, nil
		})
		if err != nil {
			return nil, failed(err, "list repositories of installation %d", id)
		}
		for _, repo := range repos {
			all = append(all, f.repository(repo, id))
		}
	}
	return all, nil
}

func (f *Forge) tokenRepositories(ctx context.Context) ([]Repository, error) {
	var all []Repository
	for _, name := range f.cfg.Repositories {
		repo, err := f.Repository(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, repo.Info())
	}
	if len(f.cfg.Repositories) > 0 {
		return all, nil
	}
	repos, err := pages(0, func(o github.ListOptions) ([]*github.Repository, *github.Response, error) {
		return f.app.Repositories.ListByAuthenticatedUser(ctx, &github.RepositoryListByAuthenticatedUserOptions{ListOptions: o})
	})
	if err != nil {
		return nil, failed(err, "list the token's repositories")
	}
	for _, repo := range repos {
		if repo.GetPermissions()["push"] {
			all = append(all, f.repository(repo, 0))
		}
	}
	return all, nil
}
