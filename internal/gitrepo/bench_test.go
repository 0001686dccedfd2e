package gitrepo_test

import (
	"fmt"
	"testing"
)

// BenchmarkWarmPromotion is the promotion of one new commit over loopback:
// ls-refs, fetch, a new tree, push.
func BenchmarkWarmPromotion(b *testing.B) {
	for _, place := range []string{"disk", "memory"} {
		b.Run(place, func(b *testing.B) {
			server := newGitServer(b)
			r := server.create(b, "acme/app")
			r.many("main", 5000)
			r.commit("stage", file{"README.md", "stage\n"})
			dir := ""
			if place == "disk" {
				dir = b.TempDir()
			}
			repo := mirrorOf(b, dir, r)
			promote(b, repo)
			i := 0
			for b.Loop() {
				b.StopTimer()
				i++
				r.commit("main", file{"apps/app-000/file-01.yaml", fmt.Sprint("new ", i)})
				server.asked()
				b.StartTimer()
				promote(b, repo)
			}
			b.ReportMetric(3, "requests/op")
			if asked := server.asked(); asked != "ls-refs fetch git-receive-pack" {
				b.Errorf("asked %q", asked)
			}
		})
	}
}
