package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// Every answer is a comment and a commit of the ledger, also where anybody may
// ask. Who may not write, and has no word on a gate, is heard so often within an hour, and all together so
// often; what is said beyond that gets no answer, ever.
const (
	hearWithin = time.Hour
	hearOne    = 5
	hearAll    = 30
)

// bearable tells whether a comment with commands is heard. It goes by what the
// ledger says was answered in the hour before the comment, so that it is always
// the same, and asks GitHub only where that is much.
func (r *round) bearable(ctx context.Context, c remark) (bool, error) {
	one, all := 0, 0
	for _, h := range r.book.Handled {
		if before := c.Created.Sub(h.At); before < 0 || before >= hearWithin {
			continue
		}
		if all++; h.Author == c.Author {
			one++
		}
	}
	if one < hearOne && all < hearAll {
		return true, nil
	}
	r.mu.Lock()
	_, known := r.unheard.get(c.ID)
	r.mu.Unlock()
	if known {
		return false, nil
	}
	if asked, err := r.asked(ctx, c.Author); asked || err != nil {
		return asked, err
	}
	has, err := c.in.repo.Permission(ctx, c.Author)
	if err != nil {
		return false, fmt.Errorf("ask what %s may: %w", c.Author, err)
	}
	if slices.Index(permissions, has) >= slices.Index(permissions, "write") {
		return true, nil
	}
	r.Log.Warn("not heard: too many commands within an hour", "repo", r.name, "comment", c.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unheard.keep(c.ID, true)
	return false, nil
}

// asked tells whether a manual gate waits for somebody's word.
func (r *round) asked(ctx context.Context, user string) (bool, error) {
	for _, p := range r.config.parsed.Pipelines {
		for _, s := range p.Stages {
			for _, g := range s.Gates {
				if g.Source != promote.FromManual {
					continue
				}
				if among, _, err := r.among(ctx, r.home, g.By, user); among || err != nil {
					return among, err
				}
			}
		}
	}
	return false, nil
}
