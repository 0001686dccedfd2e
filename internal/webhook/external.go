package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Call is what an outside system says of a gate. It can not be asked for again, so
// it is stored whole.
type Call struct {
	System     string    `json:"system"`     // who says so, by the secret
	Repository string    `json:"repository"` // owner/name that holds the pipeline, in lower case
	Pipeline   string    `json:"pipeline"`
	Stage      string    `json:"stage"`
	Gate       string    `json:"gate"`
	Commit     string    `json:"commit,omitempty"`  // of the arrival, 40 hex; or
	Freight    string    `json:"freight,omitempty"` // an id or alias
	State      string    `json:"state"`             // success or failure
	At         time.Time `json:"at"`                // of the result
	URL        string    `json:"url,omitempty"`
	Note       string    `json:"note,omitempty"`
}

// System is an outside system that may call.
type System struct {
	Name    string
	Secrets [][]byte // several for rotation
	// Speaks tells whether the system's word counts for a repository's gates.
	Speaks func(repository string) bool
}

const (
	maxNote = 500
	// maxLate is how long after a result its call may come, and maxEarly how far
	// ahead the caller's clock may be. Deliveries are known for as long, so a call
	// that is replayed within that time is a double.
	maxLate  = 7 * 24 * time.Hour
	maxEarly = 5 * time.Minute
)

// External returns the handler for outside systems' calls, as POST …/{system}: the
// path value "system" says whose secret signs. A call says how one gate went for
// one arrival; expects says why nobody waits for such a call, as far as that is
// known. An unknown system is answered by 404.
func External(systems []System, expects func(Call) error, store Store, options Options) (http.Handler, error) {
	senders := map[string]func(http.ResponseWriter, *http.Request){}
	for _, system := range systems {
		rc, err := newReceiver(system.Secrets, store, options)
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", system.Name, err)
		}
		s := sender{
			source:       "external",
			contentTypes: []string{"application/json"},
			verify:       signedBy("X-Towpath-Signature-256"),
			narrow: func(_ http.Header, body []byte) (Delivery, error) {
				return narrowExternal(system, expects, rc.options.Now(), body)
			},
		}
		senders[system.Name] = func(w http.ResponseWriter, r *http.Request) { rc.serve(w, r, s) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve, known := senders[r.PathValue("system")]
		if !known {
			answer(w, http.StatusNotFound, "unknown system")
			return
		}
		serve(w, r)
	}), nil
}

func narrowExternal(system System, expects func(Call) error, now time.Time, body []byte) (Delivery, error) {
	call := Call{}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&call); err != nil || decoder.More() {
		return Delivery{}, errors.New(`the body is not one object with "repository", "pipeline", "stage", "gate", "commit" or "freight", "state", "at", and perhaps "url" and "note"`)
	}
	if call.System != "" && call.System != system.Name {
		return Delivery{}, fmt.Errorf("the call is of system %.100q and not of %q", call.System, system.Name)
	}
	call.System, call.Repository = system.Name, strings.ToLower(call.Repository)
	topic, err := RepositoryTopic(call.Repository)
	if err != nil {
		return Delivery{}, err
	}
	if err := call.check(now); err != nil {
		return Delivery{}, err
	}
	if call.At.After(now) {
		call.At = now // their clock is ahead, and what has not been yet does not count
	}
	if !system.Speaks(call.Repository) {
		return Delivery{}, refusal{http.StatusForbidden, fmt.Sprintf("the word of %s does not count for %s", system.Name, call.Repository)}
	}
	if err := expects(call); err != nil {
		return Delivery{}, refusal{http.StatusUnprocessableEntity, err.Error()}
	}
	// The same bytes are the same call; they hold the time of the result.
	digest := sha256.Sum256(body)
	return Delivery{ID: system.Name + ":" + hex.EncodeToString(digest[:]), Event: "result", Topics: []Topic{topic}, Call: call}, nil
}

var (
	callName    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,99}$`)
	laneName    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,99}(@[a-z0-9][a-z0-9-]{0,99})?(\.[0-9]{1,3})?$`)
	callAddress = regexp.MustCompile(`^https?://[^\s<>"]{1,1000}$`)
)

// check tells what is wrong with a call for itself.
func (c Call) check(now time.Time) error {
	for _, named := range []struct {
		key, value string
		form       *regexp.Regexp
	}{{"pipeline", c.Pipeline, callName}, {"stage", c.Stage, laneName}, {"gate", c.Gate, callName}} {
		if !named.form.MatchString(named.value) {
			return fmt.Errorf("%q is not a name: %.100q", named.key, named.value)
		}
	}
	switch {
	case (c.Commit == "") == (c.Freight == ""):
		return errors.New(`exactly one of "commit" and "freight" is needed`)
	case c.Commit != "" && !commitForm.MatchString(c.Commit):
		return errors.New(`"commit" is not a full id of 40 hex digits`)
	case c.Freight != "" && !callName.MatchString(c.Freight):
		return errors.New(`"freight" is neither an id nor an alias`)
	case c.State != "success" && c.State != "failure":
		return errors.New(`"state" is neither "success" nor "failure"`)
	case c.At.IsZero():
		return errors.New(`"at" is needed: the time of the result, such as "2026-12-01T09:00:00Z"`)
	case c.At.After(now.Add(maxEarly)):
		return errors.New(`"at" is in the future: look at the clock`)
	case c.At.Before(now.Add(-maxLate)):
		return errors.New(`"at" is more than a week ago`)
	case c.URL != "" && !callAddress.MatchString(c.URL):
		return errors.New(`"url" is not the address of a web page`)
	case len(c.Note) > maxNote:
		return fmt.Errorf(`"note" is longer than %d bytes`, maxNote)
	}
	return nil
}
