package forge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/githubtest"
)

// W3: what was never delivered is found and asked for again.
func TestLostDeliveriesAreFoundAndAskedForAgain(t *testing.T) {
	h := newHub(t)
	var arrived atomic.Int32
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer hook.Close()
	must(t, h.InstallApp(githubtest.AppConfig{ID: 8, Slug: "hooked", PublicKey: &h.key.PublicKey, WebhookURL: hook.URL, Secret: "s", Events: []string{"push"}}, shop))
	f := h.asApp().forge
	f.cfg.AppID = 8
	f.app = f.appClient()

	lose := func(branch string) {
		h.FailDelivery(githubtest.DeliveryFault{Event: "push", Mode: githubtest.Never, Times: 1})
		h.push(branch, branch)
	}
	lose("long-ago")
	h.hands.Move(time.Hour)
	since := h.Now()
	h.push("arrives", "1")
	lose("lost-1")
	h.hands.Move(time.Minute)
	lose("lost-2")

	failed, err := f.FailedDeliveries(t.Context(), since)
	must(t, err)
	if len(failed) != 2 || failed[0].ID >= failed[1].ID || failed[0].Event != "push" || failed[0].GUID == failed[1].GUID {
		t.Fatalf("failed deliveries: %+v", failed)
	}
	before := arrived.Load()
	must(t, f.Redeliver(t.Context(), failed[0].ID))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, h.Drain(ctx))
	if arrived.Load() != before+1 {
		t.Errorf("%d more deliveries arrived", arrived.Load()-before)
	}
	left, err := f.FailedDeliveries(t.Context(), since)
	must(t, err)
	if len(left) != 1 || left[0] != failed[1] {
		t.Errorf("after one was delivered: %+v", left)
	}
}

func TestAPlainTokenHasNoDeliveries(t *testing.T) {
	r, _ := tokenForge(t, func(_ http.ResponseWriter, req *http.Request) { t.Errorf("asked %s", req.URL) })
	if list, err := r.forge.FailedDeliveries(t.Context(), time.Time{}); list != nil || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}
