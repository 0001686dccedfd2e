package githubtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// apiPrefix is where the REST API lives, as on GitHub Enterprise Server.
const apiPrefix = "/api/v3"

// Config says where the stand-in keeps its repositories and how it is reached.
type Config struct {
	// Dir holds the bare repositories, as Dir/owner/name.git. It must exist.
	Dir string
	// Clock gives the time of everything that is recorded; time.Now when nil.
	// SetClock replaces it later.
	Clock func() time.Time
	// Addr is the address to listen on, "127.0.0.1:0" when empty.
	Addr string
	// Listener is used instead of Addr when it is set. The server closes it.
	Listener net.Listener
	// Playground opens POST /_towpath/{act}, which needs no credentials. It
	// is meant for a loopback address only.
	Playground bool
	// Wrap, when set, is put around the REST API: tests hand in a judge that
	// compares every exchange with GitHub's published description.
	Wrap func(http.Handler) http.Handler
}

// Server is a GitHub on one address. All methods are safe for use by several
// goroutines; one mutex guards the whole state, and every API request holds it
// from start to end, so requests have one order.
type Server struct {
	dir  string
	base string // http://host:port
	http *http.Server
	done chan struct{} // closed when http has stopped serving

	mu       sync.Mutex
	clock    func() time.Time
	lastID   int64
	older    bool             // tells no workflow run of a dispatch
	repos    map[string]*repo // by lower-case owner/name
	moved    map[string]int64 // names of before a renaming, likewise
	requests []Request
	accounts
	budget

	faults faultBox
	outbox *outbox
}

// Request is one exchange that the server answered, over REST or git.
type Request struct {
	Method string
	Path   string // without query
	Status int
	At     time.Time // of the answer
}

// Start listens and serves until Stop.
func Start(cfg Config) (*Server, error) {
	if info, err := os.Stat(cfg.Dir); err != nil {
		return nil, fmt.Errorf("directory for repositories: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("directory for repositories: %s is not a directory", cfg.Dir)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("directory for repositories: %w", err)
	}
	listener := cfg.Listener
	if listener == nil {
		addr := cfg.Addr
		if addr == "" {
			addr = "127.0.0.1:0"
		}
		if listener, err = net.Listen("tcp", addr); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	s := &Server{
		dir: dir, base: "http://" + listener.Addr().String(), done: make(chan struct{}),
		clock: cfg.Clock, lastID: 1000,
		repos:    map[string]*repo{},
		moved:    map[string]int64{},
		accounts: accounts{users: map[string]*User{}, teams: map[string]map[string]bool{}, tokens: map[string]*token{}},
		budget:   budget{limit: 5000, usage: map[string]*quota{}},
		outbox:   newOutbox(),
	}
	s.http = &http.Server{Handler: s.handler(cfg), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.done)
		// Serve's error is http.ErrServerClosed or the listener's end; both
		// show at the client.
		_ = s.http.Serve(listener)
	}()
	return s, nil
}

// Stop stops serving and delivering. What was not delivered stays so.
func (s *Server) Stop() error {
	err := s.http.Close()
	<-s.done
	s.outbox.close()
	return err
}

// URL is the base of web pages and of git: URL/owner/name.git.
func (s *Server) URL() string { return s.base }

// APIURL is the base of the REST API, with a slash at the end.
func (s *Server) APIURL() string { return s.base + apiPrefix + "/" }

// CloneURL is where git finds a repository.
func (s *Server) CloneURL(repo string) string { return s.base + "/" + repo + ".git" }

// SetClock replaces the clock. Nothing happens by itself when time moves.
func (s *Server) SetClock(clock func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = clock
}

// Requests returns what was answered so far, in order of the answers. Only
// REST and git are recorded.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Drain waits until every webhook that is due was tried once. Deliveries that
// are held back by a fault are not due.
func (s *Server) Drain(ctx context.Context) error {
	s.Now() // waits for the state, under which what follows from a push is queued
	return s.outbox.drain(ctx)
}

func (s *Server) handler(cfg Config) http.Handler {
	api := http.NewServeMux()
	for _, r := range s.routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		api.Handle(method+" "+apiPrefix+path, s.endpoint(r))
	}
	api.Handle("/", s.endpoint(route{need: anyone, serve: func(*call) (reply, error) { return reply{}, errNotFound }}))
	rest := s.byNumber(api)
	if cfg.Wrap != nil {
		rest = cfg.Wrap(rest)
	}
	rest = s.watched(rest)
	mux := http.NewServeMux()
	mux.Handle("/{owner}/{repo}/info/refs", s.watched(http.HandlerFunc(s.serveGit)))
	mux.Handle("/{owner}/{repo}/git-upload-pack", s.watched(http.HandlerFunc(s.serveGit)))
	mux.Handle("/{owner}/{repo}/git-receive-pack", s.watched(http.HandlerFunc(s.serveGit)))
	mux.HandleFunc("GET /{$}", s.homePage)
	mux.HandleFunc("GET /{owner}/{repo}", s.repoPage)
	mux.HandleFunc("GET /{owner}/{repo}/pull/{number}", s.threadPage)
	mux.HandleFunc("GET /{owner}/{repo}/issues/{number}", s.threadPage)
	mux.HandleFunc("GET /{owner}/{repo}/commit/{sha}", s.commitPage)
	if cfg.Playground {
		for name, act := range s.playground() {
			mux.Handle("POST /_towpath/"+name, act)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, apiPrefix+"/") {
			rest.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// watched records each exchange and lets a planted fault act in its place.
func (s *Server) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &observed{ResponseWriter: w, status: http.StatusOK, cut: -1}
		defer func() {
			s.mu.Lock()
			s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Status: seen.status, At: s.now()})
			s.mu.Unlock()
		}()
		fault, ok := s.faults.take(r)
		if ok && fault.cuts() {
			seen.cut = fault.CutAfterBytes
		}
		fault.around(func() {
			if fault.Status != 0 {
				fault.answer(seen)
				return
			}
			next.ServeHTTP(seen, r)
		})
	})
}

// nextID hands out ids that are unique over everything this server knows.
func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}

// now is the time to record: like GitHub's, in whole seconds.
func (s *Server) now() time.Time { return s.clock().UTC().Truncate(time.Second) }
