package gitrepo

import "sync"

// smallRepository is up to how many bytes a repository is fetched whole with
// some of its history: less than what the requests for its parts cost.
const smallRepository = 256 << 10

// server is what was learned of a server, by trying.
type server struct {
	mu      sync.Mutex
	refused map[string]bool // filters that it did not take
	closed  bool            // it gives no objects by id
	size    int64           // of the repository, in bytes; 0: unknown
}

func (s *server) refuses(filter string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[filter]
}

func (s *server) learn(refused []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, filter := range refused {
		s.refused[filter] = true
	}
}

func (s *server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *server) isSmall() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size > 0 && s.size <= smallRepository
}

func (s *server) setSize(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size
}
