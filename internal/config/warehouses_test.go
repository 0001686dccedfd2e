package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/towpath/towpath/internal/promote"
)

// F4: charts are subscribed to by their repositories' normal forms, and each has
// the name that it is known by.
func TestChartSubscriptions(t *testing.T) {
	parsed, mistakes := parseTree(t, os.DirFS(filepath.Join(corpus, "ok", "charts")))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	want := []promote.ChartSubscription{
		{Repository: "oci://ghcr.io/acme/charts/redis", Name: "redis", Constraint: "~2"},
		{Repository: "https://charts.acme.io/stable", Name: "web", Constraint: ">=1.0.0-0 <2"},
	}
	if got := parsed.Pipelines[0].Warehouses[0].Charts; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
