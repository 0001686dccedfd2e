package promote

import (
	"slices"
	"testing"
)

// F1: the id is made of normal forms, so a chart is the same however its
// repository is written, and another one with another digest.
func TestIdentifyCharts(t *testing.T) {
	id := func(charts ...Chart) string { return Freight{Warehouse: "app", Charts: charts}.Identify() }
	redis := Chart{Repository: "oci://ghcr.io/acme/redis", Name: "redis", Version: "1.0.0", Digest: "sha256:1"}
	web := Chart{Repository: "https://charts.acme.io/Stable", Name: "web", Version: "1.0.0", Digest: "sha256:1"}
	same := []Chart{
		{Repository: "https://Charts.ACME.io/Stable//", Name: "web", Version: "1.0.0", Digest: "sha256:1"},
		{Repository: "oci://GHCR.io/acme/redis/", Version: "1.0.0", Digest: "sha256:1"},
	}
	if want := id(redis, web); id(web, redis) != want || id(same...) != want {
		t.Error("the same set has another id")
	}
	for _, change := range []func(c *Chart){
		func(c *Chart) { c.Repository = "https://charts.acme.io/stable" }, func(c *Chart) { c.Name = "web2" },
		func(c *Chart) { c.Version = "1.0.1" }, func(c *Chart) { c.Digest = "sha256:2" },
	} {
		other := web
		if change(&other); id(redis, other) == id(redis, web) {
			t.Errorf("%+v has the id of %+v", other, web)
		}
	}
}

// Charts are known by the name in an index, or by the last part of an OCI
// repository.
func TestFreightChart(t *testing.T) {
	f := Freight{Charts: []Chart{{Repository: "oci://ghcr.io/acme/redis"}, {Repository: "https://charts.acme.io/stable", Name: "web"}}}
	for name, want := range map[string]bool{"redis": true, "web": true, "stable": false, "": false} {
		if c, ok := f.Chart(name); ok != want || ok && c.KnownAs() != name {
			t.Errorf("%s: %+v, %t", name, c, ok)
		}
	}
}

func TestNormaliseChart(t *testing.T) {
	for repository, want := range map[string]string{
		"oci://GHCR.io/acme/charts/redis/":         "oci://ghcr.io/acme/charts/redis",
		"oci://registry-1.docker.io/bitnami/redis": "oci://docker.io/bitnami/redis",
		"https://Charts.ACME.io":                   "https://charts.acme.io",
		"https://Charts.ACME.io:8443/Stable/":      "https://charts.acme.io:8443/Stable",
	} {
		if got := NormaliseChart(repository); got != want || NormaliseChart(got) != want {
			t.Errorf("%s: %s, want %s", repository, got, want)
		}
	}
}

// P17: freight that lacks a chart of today's subscriptions is no candidate, nor is
// one whose chart of the name comes from elsewhere.
func TestLacksChart(t *testing.T) {
	w := Warehouse{Charts: []ChartSubscription{{Repository: "oci://ghcr.io/acme/redis", Name: "redis"}, {Repository: "https://charts.acme.io", Name: "web"}}}
	redis, web := Chart{Repository: "oci://ghcr.io/acme/redis"}, Chart{Repository: "https://charts.acme.io", Name: "web"}
	elsewhere := Chart{Repository: "https://charts.evil.io", Name: "web"}
	for _, row := range []struct {
		charts []Chart
		want   []string
	}{
		{[]Chart{web, redis}, nil},
		{[]Chart{redis}, []string{"chart web of https://charts.acme.io"}},
		{[]Chart{redis, elsewhere}, []string{"chart web of https://charts.acme.io"}},
	} {
		if got := w.lacks(Freight{Charts: row.charts}); !slices.Equal(got, row.want) {
			t.Errorf("%+v lacks %q, want %q", row.charts, got, row.want)
		}
	}
}
