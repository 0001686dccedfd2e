package forge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"
)

// Delivery is one try of GitHub's to deliver a webhook to the App.
type Delivery struct {
	ID         int64
	GUID       string // the same for every try of one event
	Event      string
	Action     string
	Tried      time.Time
	StatusCode int // what our side answered; 0 when it did not answer
}

// FailedDeliveries returns the latest try of each event since then that never
// arrived, oldest first (W3). GitHub keeps them for three days. A plain token
// has no deliveries.
func (f *Forge) FailedDeliveries(ctx context.Context, since time.Time) ([]Delivery, error) {
	if !f.IsApp() {
		return nil, nil
	}
	var failing []Delivery
	seen := map[string]bool{} // by GUID; GitHub lists the newest first
	arrived := map[string]bool{}
	options := github.ListCursorOptions{PerPage: perPage}
	for range maxPages {
		list, resp, err := f.app.Apps.ListHookDeliveries(ctx, &options)
		if err != nil {
			return nil, failed(err, "list webhook deliveries")
		}
		for _, d := range list {
			if d.GetDeliveredAt().Before(since) {
				resp.Cursor = ""
				break
			}
			guid := d.GetGUID()
			if code := d.GetStatusCode(); code >= 200 && code < 300 {
				arrived[guid] = true
			} else if !seen[guid] {
				failing = append(failing, delivery(d))
			}
			seen[guid] = true
		}
		if resp.Cursor == "" {
			break
		}
		options.Cursor = resp.Cursor
	}
	failing = slices.DeleteFunc(failing, func(d Delivery) bool { return arrived[d.GUID] })
	slices.Reverse(failing)
	return failing, nil
}

func delivery(d *github.HookDelivery) Delivery {
	return Delivery{
		ID: d.GetID(), GUID: d.GetGUID(), Event: d.GetEvent(), Action: d.GetAction(),
		Tried: d.GetDeliveredAt().Time, StatusCode: d.GetStatusCode(),
	}
}

// Redeliver asks GitHub to deliver a webhook once more. It will arrive with the
// GUID that it had.
func (f *Forge) Redeliver(ctx context.Context, id int64) error {
	_, _, err := f.app.Apps.RedeliverHookDelivery(ctx, id)
	if accepted := new(github.AcceptedError); errors.As(err, &accepted) {
		return nil // 202, which go-github takes for an error
	}
	return failed(err, "redeliver webhook %d", id)
}
