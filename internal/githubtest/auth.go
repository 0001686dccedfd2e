package githubtest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// access is how much somebody may do with a repository.
type access int

const (
	none access = iota
	read
	triage
	write
	maintain
	admin
)

var accessNames = []string{"none", "read", "triage", "write", "maintain", "admin"}

func (a access) String() string { return accessNames[a] }

func parseAccess(name string) (access, bool) {
	for i, known := range accessNames {
		if known == name {
			return access(i), true
		}
	}
	return none, false
}

// actor is who makes a request. The zero value is an anonymous visitor.
type actor struct {
	user  *User  // a person or an App's bot
	token *token // what was presented, for both
	app   *app   // an App that signed with its own key: may manage itself only
}

// key names the actor's budget of requests.
func (a actor) key() string {
	switch {
	case a.app != nil:
		return "app " + a.app.Slug
	case a.token != nil && a.token.install != nil:
		return "installation " + strconv.FormatInt(a.token.install.id, 10)
	case a.user != nil:
		return "user " + a.user.Login
	}
	return ""
}

// installation is nil for everybody but an App's bot.
func (a actor) installation() *installation {
	if a.token == nil {
		return nil
	}
	return a.token.install
}

// credential returns what a request presents, without its scheme.
func credential(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token") {
		return strings.TrimSpace(value)
	}
	return ""
}

// authenticate says who makes a request. Wrong credentials are an error, none
// at all are not.
func (s *Server) authenticate(r *http.Request) (actor, error) {
	secret := credential(r)
	if secret == "" {
		return actor{}, nil
	}
	if strings.Count(secret, ".") == 2 {
		a, err := s.verifyJWT(secret)
		return actor{app: a}, err
	}
	t := s.tokens[secret]
	if t == nil || !t.expires.IsZero() && !s.clock().Before(t.expires) {
		return actor{}, problem{status: http.StatusUnauthorized, message: "Bad credentials"}
	}
	return actor{user: t.user, token: t}, nil
}

// verifyJWT checks the token that an App signs for itself: RS256 with its key,
// at most ten minutes long. It is judged by the wall clock, not by ours, since
// clients sign by theirs.
func (s *Server) verifyJWT(signed string) (*app, error) {
	var issuer *app
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(signed, claims, func(*jwt.Token) (any, error) {
		for _, a := range s.apps {
			if strconv.FormatInt(a.ID, 10) == claims.Issuer && a.PublicKey != nil {
				issuer = a
				return a.PublicKey, nil
			}
		}
		return nil, errors.New("no such App")
	}, jwt.WithValidMethods([]string{"RS256"}))
	if err != nil {
		return nil, problem{status: http.StatusUnauthorized, message: "A JSON web token could not be decoded"}
	}
	if claims.ExpiresAt == nil || claims.IssuedAt == nil {
		return nil, problem{status: http.StatusUnauthorized, message: "Missing 'expiration time' claim ('exp') in assertion"}
	}
	if claims.ExpiresAt.After(time.Now().Add(10*time.Minute + 5*time.Second)) {
		return nil, problem{status: http.StatusUnauthorized, message: "'Expiration time' claim ('exp') is too far in the future"}
	}
	return issuer, nil
}

// level says what an actor may do with a repository.
func (s *Server) level(r *repo, who actor) access {
	floor := none
	if !r.private {
		floor = read
	}
	if inst := who.installation(); inst != nil {
		if inst.repos[r.id] && (who.token.repos == nil || who.token.repos[r.id]) {
			return write
		}
		return floor
	}
	if who.user == nil {
		return floor
	}
	return max(floor, s.role(r, who.user))
}

// role is what was granted to a person, or follows from owning the repository.
func (s *Server) role(r *repo, u *User) access {
	if r.owner == u {
		return admin
	}
	level, _ := parseAccess(r.permissions[fold(u.Login)])
	if level == none && !r.private && r.permissions[fold(u.Login)] == "" {
		return read
	}
	return level
}

func (s *Server) newInstallationToken(inst *installation, repos map[int64]bool) (string, *token) {
	raw := make([]byte, 18)
	_, _ = rand.Read(raw) // never fails
	secret := "ghs_" + hex.EncodeToString(raw)
	t := &token{user: s.user(inst.app.bot()), install: inst, repos: repos, expires: s.now().Add(time.Hour)}
	s.tokens[secret] = t
	return secret, t
}
