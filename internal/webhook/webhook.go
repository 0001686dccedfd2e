// Package webhook takes deliveries in over HTTP: it verifies who sent one,
// narrows it to "look at these topics", hands it to a store and answers once the
// store has it.
//
// It knows the shapes and signatures of the senders. It does not know pipelines,
// who listens to a topic, or what a delivery means: a body is read for the names
// in it and for nothing else, so a forged, late or doubled delivery can cause a
// look and no more. The exception are outside systems' calls about gates, which
// nobody could ask for again: they are handed on whole.
package webhook

import (
	"context"
	"log/slog"
	"time"
)

// Delivery is one verified delivery, narrowed.
type Delivery struct {
	ID       string    // unique per delivery, prefixed by the source; a redelivery has the same one
	Source   string    // "github" or a registry kind such as "distribution"
	Event    string    // the sender's word for what happened
	Digest   string    // SHA-256 of the body, hex: equal digests said the same thing
	Topics   []Topic   // what may have changed, sorted, at least one
	Received time.Time // when it came in
	Head     Head      // where a pushed ref is now, as the sender says; zero: it says nothing
	Call     Call      // what an outside system says of a gate; zero: nothing
	Note     string    // what could not be read in an otherwise good delivery; empty when nothing
}

// Head is a ref and the commit it was pushed to.
type Head struct{ Repository, Ref, Commit string }

// Store keeps deliveries.
type Store interface {
	// Put returns nil only when the delivery is durable. A delivery whose ID is
	// known already is no error and has no effect.
	Put(ctx context.Context, d Delivery) error
}

// Options are the handlers' surroundings; the zero value is ready for use.
type Options struct {
	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // default slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
