package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/towpath/towpath/internal/forge"
)

const (
	// deliveryMemory is how long GitHub keeps a delivery and sends it again.
	deliveryMemory = 3 * 24 * time.Hour
	// maxRedeliveries bounds what one sweep asks for, and maxTries how often it
	// asks for the same delivery: the sweep looks at every repository anyway.
	maxRedeliveries = 50
	maxTries        = 3
	// clocksApart is how far GitHub's clock and ours may be from each other.
	clocksApart = time.Minute
)

// redelivery asks GitHub once more for deliveries that never arrived (W3). It is
// used by one sweep at a time, and all it remembers is how often it asked.
type redelivery struct {
	hub   *forge.Forge
	now   func() time.Time
	log   *slog.Logger
	since time.Time      // of the last listing; zero: none yet
	asked map[string]int // by the delivery's GUID
}

// ask lists and asks. What fails here costs time only: the next sweep asks again.
func (r *redelivery) ask(ctx context.Context) {
	now := r.now()
	since := now.Add(-deliveryMemory)
	if !r.since.IsZero() {
		since = r.since.Add(-clocksApart)
	}
	failed, err := r.hub.FailedDeliveries(ctx, since)
	if err != nil {
		r.log.Warn("failed deliveries not listed", "error", err)
		return
	}
	r.since = now
	asked := map[string]int{}
	for _, d := range failed[max(0, len(failed)-maxRedeliveries):] {
		if asked[d.GUID] = r.asked[d.GUID]; asked[d.GUID] == maxTries {
			continue
		}
		asked[d.GUID]++
		if err := r.hub.Redeliver(ctx, d.ID); err != nil {
			r.log.Warn("delivery not asked for again", "delivery", d.GUID, "event", d.Event, "error", err)
			continue
		}
		r.log.Info("asked for a delivery again", "delivery", d.GUID, "event", d.Event, "status", d.StatusCode)
	}
	r.asked = asked
}
