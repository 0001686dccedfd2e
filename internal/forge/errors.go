package forge

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
)

// ErrNotFound says that GitHub knows no such thing, or hides it from us.
var ErrNotFound = errors.New("not found")

// LimitedError says that GitHub wants to be left alone for longer than it is
// worth waiting. Look again at Until.
type LimitedError struct {
	Until time.Time
}

func (e *LimitedError) Error() string {
	return "GitHub's limit is reached until " + e.Until.UTC().Format(time.RFC3339)
}

// ExistsError says that the two branches already have an open pull request.
type ExistsError struct {
	Number int
}

func (e *ExistsError) Error() string { return fmt.Sprintf("pull request #%d already exists", e.Number) }

// MovedError says that a pull request's head is no longer the one that was judged.
type MovedError struct {
	Reason string // GitHub's words
}

func (e *MovedError) Error() string { return "the head moved: " + e.Reason }

// NotMergeableError says that GitHub does not merge a pull request as it is now:
// a conflict, a missing approval, a failed check.
type NotMergeableError struct {
	Reason string // GitHub's words
}

func (e *NotMergeableError) Error() string { return "not mergeable: " + e.Reason }

// APIError is any other refusal. It is [ErrNotFound] when the status is 404.
type APIError struct {
	Status  int
	Message string // GitHub's words, on one line, bounded
}

func (e *APIError) Error() string { return fmt.Sprintf("GitHub answered %d: %s", e.Status, e.Message) }

// Is makes errors.Is(err, ErrNotFound) hold for a 404.
func (e *APIError) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound
}

// failed wraps an error of go-github once, with the act, in the package's own
// terms. It returns nil for nil.
func failed(err error, act string, args ...any) error {
	if err == nil {
		return nil
	}
	if refusal := new(github.ErrorResponse); errors.As(err, &refusal) {
		err = &APIError{Status: refusal.Response.StatusCode, Message: words(refusal)}
	}
	return fmt.Errorf(act+": %w", append(args, err)...)
}

// words puts a refusal's message and details on one line.
func words(refusal *github.ErrorResponse) string {
	parts := []string{refusal.Message}
	for _, detail := range refusal.Errors {
		if detail.Message != "" {
			parts = append(parts, detail.Message)
		} else if detail.Field != "" {
			parts = append(parts, detail.Resource+"."+detail.Field+" "+detail.Code)
		}
	}
	return cut(strings.Join(strings.Fields(strings.Join(parts, "; ")), " "), 500)
}

// status is the HTTP status of a refusal, 0 when GitHub did not refuse.
func status(err error) int {
	if refusal := new(github.ErrorResponse); errors.As(err, &refusal) {
		return refusal.Response.StatusCode
	}
	return 0
}

// ambiguous reports whether a write that failed may have happened all the same:
// GitHub broke down over it, or its answer was lost.
func ambiguous(err error) bool {
	if limited := new(LimitedError); err == nil || errors.As(err, &limited) || errors.Is(err, errForeignHost) {
		return false
	}
	code := status(err)
	return code == 0 || code >= 500
}

// cut shortens s to at most n bytes, ending in "…" when something is missing.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}
