package settings

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/towpath/towpath/internal/forge"
)

// Surroundings is what the place that a program runs in says of GitHub: a
// workflow, or a shell in which GitHub's own command line works. It counts where
// nothing is set.
type Surroundings struct{ URL, APIURL, Token string }

// GitHub is how GitHub is reached, as an App or with a token.
func (v *Values) GitHub(around Surroundings) (forge.Config, error) {
	cfg := forge.Config{URL: v.Get("github-url"), APIURL: v.byName["github-api-url"], Token: v.byName["github-token"]}
	if v.byName["github-url"] == "" && cfg.APIURL == "" {
		cfg.URL, cfg.APIURL = cmp.Or(around.URL, cfg.URL), around.APIURL
	}
	id, key := v.byName["github-app-id"], v.byName["github-private-key"]
	if cfg.Token == "" && id == "" && key == "" {
		cfg.Token = around.Token
	}
	var problem error
	switch {
	case cfg.Token != "" && (id != "" || key != ""):
		problem = errors.New("both a token and an App are set: give one of them")
	case cfg.Token == "" && (id == "" || key == ""):
		problem = errors.New("no access to GitHub: set TOWPATH_GITHUB_APP_ID and TOWPATH_GITHUB_PRIVATE_KEY, or TOWPATH_GITHUB_TOKEN")
	}
	if id == "" {
		return cfg, problem
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		problem = errors.Join(problem, fmt.Errorf("TOWPATH_GITHUB_APP_ID %q is not a number", id))
	}
	cfg.AppID, cfg.PrivateKey = number, []byte(key)
	return cfg, problem
}
