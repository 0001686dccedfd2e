package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Delivery is one try to deliver a webhook.
type Delivery struct {
	ID         int64
	GUID       string // the same for a redelivery
	App        string // slug
	Event      string
	Action     string
	Body       []byte
	RepoID     int64 // 0 when the event is about none
	Install    int64
	Redelivery bool
	At         time.Time
	// Status is the answer's; 0 while it is not tried, or was not answered.
	Status int
	tried  bool
}

// DeliveryFault changes what happens to the next deliveries of an event.
type DeliveryFault struct {
	Event string // empty: any
	Mode  DeliveryMode
	Times int // how many deliveries; 0: all that follow
}

// DeliveryMode is a way in which a delivery goes wrong.
type DeliveryMode int

const (
	// Never loses a delivery; it is listed as failed and can be asked for again.
	Never DeliveryMode = iota
	// Twice sends it twice, with the same id.
	Twice
	// Late holds it back until Release.
	Late
)

// deliveryTimeout is how long GitHub waits for an answer.
const deliveryTimeout = 10 * time.Second

// maxQueue bounds what waits for one destination; what is too much is recorded
// and lost, as a destination that is down loses it on GitHub.
const maxQueue = 10_000

// outbox holds all deliveries. Each App has one goroutine that sends in order.
type outbox struct {
	client *http.Client

	mu      sync.Mutex
	all     []*parcel
	held    []*parcel
	faults  []*DeliveryFault
	queues  map[*app]chan *parcel
	pending int
	idle    chan struct{} // closed while nothing is pending
	stop    context.CancelFunc
	ctx     context.Context
	senders sync.WaitGroup
}

// parcel is a delivery on its way.
type parcel struct {
	Delivery
	app *app
}

func newOutbox() *outbox {
	ctx, stop := context.WithCancel(context.Background())
	idle := make(chan struct{})
	close(idle)
	return &outbox{
		client: &http.Client{Timeout: deliveryTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		queues: map[*app]chan *parcel{}, idle: idle, ctx: ctx, stop: stop,
	}
}

func (o *outbox) close() {
	o.stop()
	o.senders.Wait()
}

// add queues a delivery for an App.
func (o *outbox) add(id int64, a *app, d Delivery, again bool, now func() time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.ID, d.App, d.At, d.Redelivery, d.Status, d.tried = id, a.Slug, now(), again, 0, false
	if d.GUID == "" {
		d.GUID = uuid.NewString()
	}
	p := &parcel{Delivery: d, app: a}
	o.all = append(o.all, p)
	switch mode, found := o.takeFault(d.Event); {
	case found && mode == Never:
		p.tried = true
	case found && mode == Late:
		o.held = append(o.held, p)
	case found && mode == Twice:
		o.enqueue(p)
		o.enqueue(p)
	default:
		o.enqueue(p)
	}
}

func (o *outbox) takeFault(event string) (DeliveryMode, bool) {
	for i, f := range o.faults {
		if f.Event != "" && f.Event != event {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				o.faults = append(o.faults[:i:i], o.faults[i+1:]...)
			}
		}
		return f.Mode, true
	}
	return 0, false
}

func (o *outbox) enqueue(p *parcel) {
	queue := o.queues[p.app]
	if queue == nil {
		queue = make(chan *parcel, maxQueue)
		o.queues[p.app] = queue
		o.senders.Add(1)
		go o.send(queue)
	}
	if o.pending == 0 {
		o.idle = make(chan struct{})
	}
	o.pending++
	select {
	case queue <- p:
	default:
		p.tried = true
		o.settle()
	}
}

// settle notes that one delivery is no longer pending. The lock is held.
func (o *outbox) settle() {
	if o.pending--; o.pending == 0 {
		close(o.idle)
	}
}

func (o *outbox) send(queue chan *parcel) {
	defer o.senders.Done()
	for {
		select {
		case <-o.ctx.Done():
			return
		case p := <-queue:
			status := o.post(p)
			o.mu.Lock()
			p.Status, p.tried = status, true
			o.settle()
			o.mu.Unlock()
		}
	}
}

// post sends one delivery and returns the status of the answer, 0 for none.
func (o *outbox) post(p *parcel) int {
	req, err := http.NewRequestWithContext(o.ctx, http.MethodPost, p.app.WebhookURL, bytes.NewReader(p.Body))
	if err != nil {
		return 0
	}
	for key, value := range p.headers() {
		req.Header.Set(key, value)
	}
	mac := hmac.New(sha256.New, []byte(p.app.Secret))
	mac.Write(p.Body)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := o.client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // only the status counts
	return resp.StatusCode
}

// headers are those that a list of deliveries shows, too.
func (p *parcel) headers() map[string]string {
	return map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/githubtest", "X-GitHub-Event": p.Event,
		"X-GitHub-Delivery": p.GUID, "X-GitHub-Hook-ID": fmt.Sprint(p.app.ID),
		"X-GitHub-Hook-Installation-Target-ID": fmt.Sprint(p.app.ID), "X-GitHub-Hook-Installation-Target-Type": "integration",
	}
}

func (o *outbox) drain(ctx context.Context) error {
	for {
		o.mu.Lock()
		idle, pending := o.idle, o.pending
		o.mu.Unlock()
		if pending == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("%d webhooks were not delivered: %w", pending, ctx.Err())
		}
	}
}

func (o *outbox) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.held {
		o.enqueue(p)
	}
	o.held = nil
}

// ofApp lists an App's deliveries that were tried, newest first.
func (o *outbox) ofApp(a *app) []Delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []Delivery
	for i := len(o.all) - 1; i >= 0; i-- {
		if p := o.all[i]; p.app == a && p.tried {
			list = append(list, p.Delivery)
		}
	}
	return list
}

// FailDelivery plants a fault; the first planted that matches acts.
func (s *Server) FailDelivery(f DeliveryFault) {
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	s.outbox.faults = append(s.outbox.faults, &f)
}

// Release sends what was held back by Late, in order, after everything that
// was sent in between.
func (s *Server) Release() { s.outbox.release() }

// Deliveries lists every delivery so far, oldest first, with those that are
// held back or still on their way.
func (s *Server) Deliveries() []Delivery {
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	var list []Delivery
	for _, p := range s.outbox.all {
		list = append(list, p.Delivery)
	}
	return list
}

// item is a delivery as part of a list.
func (d Delivery) item() object {
	orNullID := func(id int64) any {
		if id == 0 {
			return nil
		}
		return id
	}
	text := "OK"
	switch {
	case d.Status == 0:
		text = "failed to connect to host"
	case d.Status >= 300:
		text = fmt.Sprintf("Invalid HTTP Response: %d", d.Status)
	}
	return object{"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": 0.1,
		"status": text, "status_code": d.Status, "event": d.Event, "action": orNull(d.Action),
		"installation_id": orNullID(d.Install), "repository_id": orNullID(d.RepoID)}
}

func (d Delivery) detail() object {
	return with(d.item(), object{
		"request":  object{"headers": object{"X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.GUID}, "payload": json.RawMessage(d.Body)},
		"response": object{"headers": object{}, "payload": ""},
	})
}

// deliveryPage answers one page by cursor: deliveries older than an id.
func (c *call) deliveryPage(all []Delivery) (reply, error) {
	size := 30
	if n, err := parsePositive(c.query("per_page")); err == nil {
		size = min(n, 100)
	}
	cursor, err := parsePositive(c.query("cursor"))
	items := []object{}
	out := reply{status: http.StatusOK, header: http.Header{}}
	var last int64
	for _, d := range all {
		if err == nil && d.ID >= int64(cursor) {
			continue
		}
		if len(items) == size {
			query := c.req.URL.Query()
			query.Set("cursor", fmt.Sprint(last))
			out.header.Set("Link", c.linkTo(query, "next"))
			break
		}
		last = d.ID
		items = append(items, d.item())
	}
	out.body = items
	return out, nil
}
