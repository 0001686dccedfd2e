package inbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

const (
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Minute
)

// backoff doubles the pause after each failure, up to longestPause.
type backoff struct{}

func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(pause(job.Attempt))
}

// pause returns the pause after the given attempt, counted from 1.
func pause(attempt int) time.Duration {
	d := firstPause
	for range attempt - 1 {
		d = min(2*d, longestPause)
	}
	return d
}

// failures logs the attempts that failed.
type failures struct {
	log *slog.Logger
}

func (f failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.log.Warn("tick failed", "tick", job.Kind, name(job), "attempt", job.Attempt, "err", err)
	return nil
}

func (f failures) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.log.Error("tick panicked", "tick", job.Kind, name(job), "attempt", job.Attempt, "panic", value, "trace", trace)
	return nil
}

func name(job *rivertype.JobRow) slog.Attr {
	var args struct {
		lookArgs
		resolveArgs
	}
	if err := json.Unmarshal(job.EncodedArgs, &args); err != nil {
		return slog.Any("err", err)
	}
	if args.Topic != "" {
		return slog.String("topic", args.Topic)
	}
	return slog.String("repo", args.Repository)
}

// quiet passes on River's warnings and errors only.
type quiet struct {
	slog.Handler
}

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
