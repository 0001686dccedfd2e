package schedule

import "context"

// All does work of which everything is needed. Once a piece has failed nothing
// more is begun, and the context of what runs is cancelled; the error is that of
// the piece that failed first.
func All(ctx context.Context, nodes []Node, limits Limits) error {
	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	all := make([]Node, len(nodes))
	for i, n := range nodes {
		all[i] = n
		all[i].Run = stopping(n.Run, stop)
		if n.Prepare != nil {
			early := *n.Prepare
			early.Run = stopping(early.Run, stop)
			all[i].Prepare = &early
		}
	}
	g, err := New(all, limits)
	if err != nil {
		return err
	}
	done := true
	for _, result := range g.Run(within, nil) {
		done = done && result.Outcome == Succeeded
	}
	if done {
		return nil
	}
	return context.Cause(within)
}

// stopping is work that takes everything else down with it when it fails.
func stopping(run func(context.Context) error, stop context.CancelCauseFunc) func(context.Context) error {
	return func(ctx context.Context) error {
		err := run(ctx)
		if err != nil {
			stop(err)
		}
		return err
	}
}
