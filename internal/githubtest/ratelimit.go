package githubtest

import (
	"net/http"
	"strconv"
	"time"
)

// budget is how many points each credential may use in an hour.
type budget struct {
	limit int
	usage map[string]*quota // by actor.key
}

// quota is what one credential used of its budget within the current hour.
type quota struct {
	used  int
	reset time.Time
}

// SetHourlyLimit sets how many requests each credential has in an hour by the
// server's clock, 5000 at first. A caller without any left is refused as GitHub
// does, with 403 and the time when it may go on.
func (s *Server) SetHourlyLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
}

func (s *Server) quotaOf(who actor) *quota {
	q := s.usage[who.key()]
	if q == nil || !s.clock().Before(q.reset) {
		q = &quota{reset: s.now().Add(time.Hour)}
		s.usage[who.key()] = q
	}
	return q
}

func (s *Server) withinLimit(who actor) bool { return s.quotaOf(who).used < s.limit }

func (s *Server) quotaBody(who actor) object {
	q := s.quotaOf(who)
	return object{"limit": s.limit, "remaining": max(0, s.limit-q.used), "used": q.used, "reset": q.reset.Unix()}
}

// countAgainstLimit takes points off the caller's budget; a 304 is free.
func (s *Server) countAgainstLimit(h http.Header, who actor, points int) {
	q := s.quotaOf(who)
	q.used += points
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.limit-q.used)))
	h.Set("X-RateLimit-Used", strconv.Itoa(q.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(q.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}
