package forge

import (
	"fmt"

	"github.com/google/go-github/v62/github"
)

const (
	perPage  = 100
	maxPages = 200 // a list without an end must not keep a worker for ever
)

// pages fetches a whole list, or the first most items of it when most is not 0.
func pages[T any](most int, fetch func(github.ListOptions) ([]T, *github.Response, error)) ([]T, error) {
	options := github.ListOptions{PerPage: perPage}
	if most > 0 {
		options.PerPage = min(most, perPage)
	}
	var all []T
	for range maxPages {
		items, resp, err := fetch(options)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if most > 0 && len(all) >= most {
			return all[:most], nil
		}
		if resp.NextPage == 0 {
			return all, nil
		}
		options.Page = resp.NextPage
	}
	return nil, fmt.Errorf("the list has more than %d pages", maxPages)
}
