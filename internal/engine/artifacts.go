package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/towpath/towpath/internal/ledger"
	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/registry"
)

// artifacts is what registries and repositories were asked in a look, every
// question once.
type artifacts struct {
	images answers[registry.Found]
	charts answers[registry.FoundChart]
	tags   answers[map[string]string] // of repositories, by full name
	// resolved are the images that somebody named, by repository@version.
	resolved answers[promote.Image]
}

// answers are kept by question. The first who asks waits, and so do the others.
type answers[T any] struct {
	mu    sync.Mutex
	known map[string]func() (T, error)
}

func (a *answers[T]) once(question string, ask func() (T, error)) (T, error) {
	a.mu.Lock()
	known := a.known[question]
	if known == nil {
		known = sync.OnceValues(ask)
		if a.known == nil {
			a.known = map[string]func() (T, error){}
		}
		a.known[question] = known
	}
	a.mu.Unlock()
	return known()
}

// image is the best image of a subscription, after that of the newest freight.
func (l *look) image(ctx context.Context, s promote.ImageSubscription, newest promote.Freight) (registry.Found, error) {
	previous, had := newest.Image(s.Repository)
	return l.found.artifacts.images.once(fmt.Sprintf("%+v %+v", s, previous), func() (registry.Found, error) {
		l.doing("asking for the tags of " + s.Repository)
		return l.registry.Discover(ctx, s, previous, had)
	})
}

// chart is the best chart of a subscription, after that of the newest freight.
func (l *look) chart(ctx context.Context, s promote.ChartSubscription, newest promote.Freight) (registry.FoundChart, error) {
	previous, had := newest.Chart(s.Name)
	return l.found.artifacts.charts.once(fmt.Sprintf("%+v %+v", s, previous), func() (registry.FoundChart, error) {
		l.doing("asking for the versions of " + s.Repository)
		return l.registry.DiscoverChart(ctx, s, previous, had)
	})
}

// askRegistries asks for everything that the pipelines subscribe to, ahead of time.
// Who needs an answer, or the error, finds it.
func (l *look) askRegistries(t *tasks, c *configuration, book *ledger.Book, after ...string) {
	for _, p := range c.parsed.Pipelines {
		for _, w := range p.Warehouses {
			if w.Manual {
				continue
			}
			newest := newestOf(book.Pipelines[p.Name], w)
			for _, s := range w.Images {
				t.add("", onRegistry, func(ctx context.Context) error {
					_, _ = l.image(ctx, s, newest)
					return nil
				}, after...)
			}
			for _, s := range w.Charts {
				t.add("", onRegistry, func(ctx context.Context) error {
					_, _ = l.chart(ctx, s, newest)
					return nil
				}, after...)
			}
		}
	}
}
