package engine

import (
	"errors"
	"fmt"

	"github.com/towpath/towpath/internal/gitrepo"
)

// untilFirst tries again while somebody else writes first.
func untilFirst[T any](try func() (T, error)) (T, error) {
	for range maxRaces {
		out, err := try()
		var stale *gitrepo.StaleError
		if !errors.As(err, &stale) {
			return out, err
		}
	}
	var none T
	return none, fmt.Errorf("somebody else was faster %d times in a row", maxRaces)
}
