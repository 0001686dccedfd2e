package promote

import (
	"maps"
	"regexp"
	"testing"
)

// F5: what people call an artifact finds its subscription, or says what there is.
func TestChoose(t *testing.T) {
	w := Warehouse{
		Name:   "app",
		Images: []ImageSubscription{{Repository: "ghcr.io/acme/web"}, {Repository: "ghcr.io/acme/redis"}, {Repository: "docker.io/library/nginx"}},
		Charts: []ChartSubscription{{Repository: "https://charts.example.org/stable", Name: "redis"}},
		Gits:   []GitSubscription{{Repository: "."}, {Repository: "acme/config"}},
	}
	for _, row := range []struct {
		name string
		want Chosen
		err  string
	}{
		{name: "ghcr.io/acme/web", want: Chosen{Images: map[string]string{"ghcr.io/acme/web": "1"}}},
		{name: "web", want: Chosen{Images: map[string]string{"ghcr.io/acme/web": "1"}}},
		{name: "nginx", want: Chosen{Images: map[string]string{"docker.io/library/nginx": "1"}}},
		{name: "chart", want: Chosen{Charts: map[string]string{"redis": "1"}}},
		{name: "https://charts.example.org/stable/redis", want: Chosen{Charts: map[string]string{"redis": "1"}}},
		{name: ".", want: Chosen{Commits: map[string]string{".": "1"}}},
		{name: "Acme/Config", want: Chosen{Commits: map[string]string{"acme/config": "1"}}},
		{name: "config", want: Chosen{Commits: map[string]string{"acme/config": "1"}}},
		{name: "redis", err: "\"redis\" may be `ghcr.io/acme/redis` or `https://charts.example.org/stable/redis`: write it in full"},
		{name: "image", err: "warehouse app subscribes to no \"image\"; it has `ghcr.io/acme/web`, `ghcr.io/acme/redis`, `docker.io/library/nginx`, " +
			"`https://charts.example.org/stable/redis`, `.` and `acme/config`"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := w.Choose([]Wish{{row.name, "1"}})
			if text := errorText(err); text != row.err {
				t.Fatalf("%s, want %s", text, row.err)
			}
			if !maps.Equal(got.Images, row.want.Images) || !maps.Equal(got.Charts, row.want.Charts) || !maps.Equal(got.Commits, row.want.Commits) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
	if _, err := w.Choose([]Wish{{"web", "1"}, {"ghcr.io/acme/web", "2"}}); errorText(err) != "`ghcr.io/acme/web` is named twice" {
		t.Errorf("one image twice: %v", err)
	}
	w.Images[0].Channels = []Channel{{Name: "pr", Tag: regexp.MustCompile(`^pr-(\d+)`)}, {Name: "any", Tag: regexp.MustCompile(`^$`)}}
	if _, err := w.Choose([]Wish{{"web", "pr-99999999999999999999"}}); errorText(err) != "`pr-99999999999999999999` is of channel pr: only a takeover makes freight of it" {
		t.Errorf("a pre-release: %v", err)
	}
	if got, err := w.Choose(nil); err != nil || len(got.Images)+len(got.Charts)+len(got.Commits) != 0 {
		t.Errorf("no wishes: %+v, %v", got, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
