package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/towpath/towpath/internal/inbox"
	"github.com/towpath/towpath/internal/web"
	"github.com/towpath/towpath/internal/webhook"
)

// routes is everything the bot answers.
func routes(b *bot) (http.Handler, error) {
	mux := http.NewServeMux()
	hooks := webhook.Options{Logger: b.log}
	github, err := webhook.GitHub(b.webhookSecrets, store{b.inbox, b.metrics, b.engine.Expect}, hooks)
	if err != nil {
		return nil, err
	}
	mux.Handle("POST /webhooks/github", github)
	if len(b.registrySecrets) > 0 {
		registries, err := webhook.Registry(b.registrySecrets, store{b.inbox, b.metrics, b.engine.Expect}, hooks)
		if err != nil {
			return nil, err
		}
		mux.Handle("POST /webhooks/registry/{kind}", registries)
	}
	if len(b.systems) > 0 {
		hooks.Now = b.now
		results, err := webhook.External(b.systems, (*outside)(b).expects, store{b.inbox, b.metrics, b.engine.Expect}, hooks)
		if err != nil {
			return nil, err
		}
		mux.Handle("POST /webhooks/external/{system}", results)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := b.inbox.Depth(r.Context()); err != nil {
			b.log.Error("not ready", "error", err)
			http.Error(w, "the inbox can not be read", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, version()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /{$}", web.Page(b.engine.Views))
	return mux, nil
}

// metrics are the bot's own, on a registry of their own.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	looks      *prometheus.HistogramVec
}

func newMetrics(box *inbox.Inbox) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "towpath_deliveries_total", Help: "Verified deliveries by source.",
		}, []string{"source"}),
		looks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "towpath_look_seconds", Help: "Duration of looks at repositories by outcome.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"outcome"}),
	}
	depth := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "towpath_inbox_depth", Help: "Ticks that are queued, running or waiting to be retried; -1 when the inbox can not be read.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		n, err := box.Depth(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	})
	m.registry.MustRegister(m.deliveries, m.looks, depth)
	return m
}

// timed measures looks.
func (m *metrics) timed(look func(context.Context, string) (time.Time, error)) func(context.Context, string) (time.Time, error) {
	return func(ctx context.Context, repository string) (time.Time, error) {
		start := time.Now()
		next, err := look(ctx, repository)
		outcome := "ok"
		if err != nil {
			outcome = "error"
		}
		m.looks.WithLabelValues(outcome).Observe(time.Since(start).Seconds())
		return next, err
	}
}
