package githubtest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Rename gives a repository another name. As on GitHub the old one leads to it,
// until another repository has that name.
func (s *Server) Rename(repo, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[fold(repo)]
	switch {
	case r == nil:
		return fmt.Errorf("rename %s: no such repository", repo)
	case !validName(to) || s.repos[fold(r.owner.Login+"/"+to)] != nil:
		return fmt.Errorf("rename %s: %q is taken, or no name", repo, to)
	}
	dir := filepath.Join(s.dir, r.owner.Login, to+".git")
	if err := os.Rename(string(r.git), dir); err != nil {
		return fmt.Errorf("rename %s: %w", repo, err)
	}
	delete(s.repos, fold(repo))
	s.moved[fold(repo)] = r.id
	r.name, r.git = to, gitDir(dir)
	s.repos[fold(r.fullName())] = r
	return nil
}

// movedError answers a request that names a repository as it was called before.
type movedError struct{ to string }

func (e movedError) Error() string { return "moved to " + e.to }

// movedTo is where a request goes on that names a repository by its old name;
// empty where there was none.
func (c *call) movedTo(name string) string {
	id := c.moved[fold(name)]
	if id == 0 || c.repos[fold(name)] != nil {
		return ""
	}
	rest := strings.TrimPrefix(c.req.URL.Path, apiPrefix+"/repos/"+c.req.PathValue("owner")+"/"+c.req.PathValue("repo"))
	return c.APIURL() + "repositories/" + strconv.FormatInt(id, 10) + rest
}

// byNumber serves what is asked of a repository by its number, as redirects do.
func (s *Server) byNumber(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, rest, found := strings.Cut(strings.TrimPrefix(r.URL.Path, apiPrefix+"/repositories/"), "/")
		id, err := strconv.ParseInt(number, 10, 64)
		if !found || err != nil {
			next.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		for _, repo := range s.repos {
			if repo.id == id {
				r = r.Clone(r.Context())
				r.URL.Path = apiPrefix + "/repos/" + repo.fullName() + "/" + rest
			}
		}
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}
