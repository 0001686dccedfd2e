package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Kind says why a registry could not be asked.
type Kind string

// The kinds of [Error].
const (
	Unavailable  Kind = "unavailable"  // no answer, a broken connection, or 5xx after the retries
	Unauthorized Kind = "unauthorized" // 401 or 403: no credentials, or not the right ones
	RateLimited  Kind = "rate-limited" // 429 after the retries
	NotFound     Kind = "not-found"    // no such tag, digest or repository
	Malformed    Kind = "malformed"    // an answer that is no registry's
	TooMany      Kind = "too-many"     // more tags than are looked at; the subscription must be narrowed
	Invalid      Kind = "invalid"      // the question itself is wrong: repository, tag, constraint
)

var kindTexts = map[Kind]string{
	Unavailable:  "the registry is unavailable",
	Unauthorized: "the registry refuses access",
	RateLimited:  "the registry limits our rate",
	NotFound:     "not found",
	Malformed:    "the registry's answer is not understood",
	TooMany:      "too many tags",
	Invalid:      "invalid",
}

// Error means that the registry could not be asked, or not be understood. Its
// text is made of our own words, the repository and the answer's status and code.
type Error struct {
	Kind       Kind
	Repository string // normalised
	Status     int    // of the HTTP answer; 0: there was none
	Detail     string // one line
	subject    string // what it is about; empty: the image repository
	cause      error  // a context's error; others may quote what a registry said
	artifact   bool   // it is this tag, digest or archive that is wrong, not the registry
}

func (e *Error) Error() string {
	return cmp.Or(e.subject, "image "+e.Repository) + ": " + e.reading()
}

// Temporary reports whether the same may be there the next time it is asked.
func (e *Error) Temporary() bool { return e.Kind == Unavailable || e.Kind == RateLimited }

// Unwrap returns the context's error where it was cancelled or timed out.
func (e *Error) Unwrap() error { return e.cause }

// broken reports whether the error may be that of one artifact alone, and
// whether it may as well be the first sign of an outage.
func (e *Error) broken() (artifact, outage bool) {
	switch {
	case e.Kind == NotFound, e.Kind == Malformed && e.artifact:
		return true, false
	case e.Kind == Unavailable && e.Status != 0:
		return true, true
	case e.artifact && e.cause == nil && (e.Kind == Unavailable || e.Kind == Unauthorized):
		return true, true
	}
	return false, false
}

// reading is the text without the repository.
func (e *Error) reading() string {
	return strings.TrimSuffix(kindTexts[e.Kind]+": "+e.Detail, ": ")
}

var (
	errTooLarge  = errors.New("the answer is too large")
	errPlainHTTP = errors.New("plain HTTP is refused for this host")
	errRedirects = errors.New("too many redirects")
	errPrivate   = errors.New("the host has a private address and is not listed in TOWPATH_CHART_HOSTS")
	errElsewhere = errors.New("it leads to an address that only insiders can name")
)

// classify turns whatever the registry client returned into an [Error].
func classify(repository string, err error) *Error {
	if known := (*Error)(nil); errors.As(err, &known) {
		return known
	}
	e := &Error{Kind: Malformed, Repository: repository}
	var (
		answer  *transport.Error
		request *url.Error
		network net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind, e.Detail, e.cause = Unavailable, "cancelled", context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Detail, e.cause = Unavailable, "no answer in time", context.DeadlineExceeded
	case errors.Is(err, errPrivate):
		e.Kind, e.Detail = Invalid, errPrivate.Error()
	case errors.As(err, &answer):
		e.Kind, e.Status, e.Detail = kindOf(answer), answer.StatusCode, describeAnswer(answer)
		e.artifact = aboutArtifact(answer)
	case errors.Is(err, errTooLarge):
		e.Detail = errTooLarge.Error()
	case errors.As(err, &request), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		e.Kind, e.Detail = Unavailable, describeNetwork(err)
	}
	return e
}

func kindOf(answer *transport.Error) Kind {
	kind := kindOfStatus(answer.StatusCode)
	if kind == NotFound && !aboutArtifact(answer) {
		return Malformed
	}
	return kind
}

func kindOfStatus(status int) Kind {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Unauthorized
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status >= 500 || status == http.StatusRequestTimeout:
		return Unavailable
	case status == http.StatusNotFound:
		return NotFound
	}
	return Malformed
}

// aboutArtifact tells answers about a repository or what it holds from those of
// a login, or of a host that is no registry.
func aboutArtifact(answer *transport.Error) bool {
	if answer.Request == nil {
		return false
	}
	path, api := strings.CutPrefix(answer.Request.URL.Path, "/v2/")
	return api && path != ""
}

var errorCode = regexp.MustCompile(`^[A-Z_]{1,40}$`)

func describeAnswer(answer *transport.Error) string {
	text := fmt.Sprintf("HTTP %d", answer.StatusCode)
	if len(answer.Errors) > 0 {
		if code := string(answer.Errors[0].Code); errorCode.MatchString(code) {
			text += " " + code
		}
	}
	return text
}

// describeNetwork words the failures that are known to quote addresses and
// certificates only; anything else may hold a URL or an answer.
func describeNetwork(err error) string {
	var (
		operation   *net.OpError
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, errPlainHTTP):
		return errPlainHTTP.Error()
	case errors.Is(err, errRedirects):
		return errRedirects.Error()
	case errors.Is(err, errPrivate):
		return errPrivate.Error()
	case errors.Is(err, errElsewhere):
		return errElsewhere.Error()
	case errors.As(err, &dns):
		return oneLine(dns.Error())
	case errors.As(err, &operation):
		return oneLine(operation.Error())
	case errors.As(err, &certificate):
		return oneLine(certificate.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut"
	}
	return "the request failed"
}

// oneLine makes text that others had a hand in fit for a log and a comment.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	const limit = 200
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
