package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

const (
	maxBody = 25 << 20 // GitHub's own limit for a delivery

	// storeWithin leaves GitHub, which hangs up after ten seconds, time to read
	// the 503 of a store that hangs.
	storeWithin = 8 * time.Second
)

// sender is what differs from one sender of deliveries to the next.
type sender struct {
	source       string
	contentTypes []string
	// verify says whether one of the secrets vouches for the body; its error is
	// errMissing or errMismatch.
	verify func(header http.Header, body []byte, secrets [][]byte) error
	// narrow reads a verified body. It fills ID, Event, Topics and Note; no topics
	// mean that there is nothing to look at. Any error is the sender's fault.
	narrow func(header http.Header, body []byte) (Delivery, error)
}

// receiver is the way in that all senders share.
type receiver struct {
	secrets [][]byte
	store   Store
	options Options
}

func newReceiver(secrets [][]byte, store Store, options Options) (receiver, error) {
	if len(secrets) == 0 {
		return receiver{}, errors.New("no webhook secret: deliveries could not be verified")
	}
	for i, secret := range secrets {
		if len(secret) == 0 {
			return receiver{}, fmt.Errorf("webhook secret %d is empty", i+1)
		}
	}
	return receiver{secrets: secrets, store: store, options: options.withDefaults()}, nil
}

// refusal is an answer other than 2xx. Its cause is shown to the sender.
type refusal struct {
	status int
	cause  string
}

func (r refusal) Error() string { return r.cause }

// serve answers one request. Each cause has its own status:
//
//	202 stored durably                     405 not a POST
//	200 verified, nothing to look at       413 body over 25 MiB
//	400 unreadable body or delivery id     415 content type
//	401 no signature or token              503 the store did not take it
//	403 wrong signature or token           422 nobody waits for this
func (rc receiver) serve(w http.ResponseWriter, r *http.Request, s sender) {
	log := rc.options.Logger.With("source", s.source)
	d, err := rc.accept(w, r, s)
	var refused refusal
	switch {
	case errors.As(err, &refused):
		log.Warn("delivery refused", "status", refused.status, "cause", refused.cause)
		if refused.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		answer(w, refused.status, refused.cause)
	case err != nil:
		log.Error("delivery not stored", "delivery", d.ID, "err", err)
		answer(w, http.StatusServiceUnavailable, "the delivery could not be stored; send it again later")
	case len(d.Topics) == 0:
		answer(w, http.StatusOK, fmt.Sprintf("nothing to look at in %q", d.Event))
	default:
		log.Info("delivery accepted", "delivery", d.ID, "event", d.Event, "topics", len(d.Topics))
		answer(w, http.StatusAccepted, d.Note)
	}
}

// accept returns the delivery after it was stored, or without topics when there
// was nothing to store. An error that is no refusal is the store's.
func (rc receiver) accept(w http.ResponseWriter, r *http.Request, s sender) (Delivery, error) {
	body, err := read(w, r, s.contentTypes)
	if err != nil {
		return Delivery{}, err
	}
	switch err := s.verify(r.Header, body, rc.secrets); {
	case errors.Is(err, errMissing):
		return Delivery{}, refusal{http.StatusUnauthorized, err.Error()}
	case err != nil:
		return Delivery{}, refusal{http.StatusForbidden, err.Error()}
	}
	d, err := s.narrow(r.Header, body)
	var refused refusal
	if errors.As(err, &refused) {
		return Delivery{}, refused
	}
	if err != nil {
		return Delivery{}, refusal{http.StatusBadRequest, err.Error()}
	}
	if len(d.Topics) == 0 {
		return d, nil
	}
	digest := sha256.Sum256(body)
	d.Digest = hex.EncodeToString(digest[:])
	d.ID = s.source + ":" + d.ID
	d.Source = s.source
	d.Topics = sorted(d.Topics)
	d.Received = rc.options.Now()

	ctx, cancel := context.WithTimeout(r.Context(), storeWithin)
	defer cancel()
	if err := rc.store.Put(ctx, d); err != nil {
		return d, fmt.Errorf("store delivery %s: %w", d.ID, err)
	}
	return d, nil
}

// read returns the body of a request that may be one of ours.
func read(w http.ResponseWriter, r *http.Request, contentTypes []string) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, refusal{http.StatusMethodNotAllowed, "deliveries are sent by POST"}
	}
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(contentTypes, contentType) {
		return nil, refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("the content type must be one of %q", contentTypes)}
	}
	tooLarge := refusal{http.StatusRequestEntityTooLarge, "the body is larger than 25 MiB"}
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, refusal{http.StatusBadRequest, "the body ended early"}
	}
	return body, nil
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if text != "" {
		// A sender that hung up learns nothing from the text anyway.
		_, _ = io.WriteString(w, text+"\n")
	}
}
