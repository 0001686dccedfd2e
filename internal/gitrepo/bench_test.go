package gitrepo_test

import (
	"fmt"
	"strings"
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

// BenchmarkColdPromotion is a promotion by a process that never ran here:
// nothing on disk and in memory.
func BenchmarkColdPromotion(b *testing.B) {
	for _, files := range []int{200, 5000, 50_000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			server := newGitServer(b)
			e := newEstate(b, server, files)
			e.git("repack", "-adbq")
			i := 0
			for b.Loop() {
				b.StopTimer()
				i++
				e.commit("main", file{"apps/app-001/file-01.yaml", fmt.Sprint("new ", i)})
				dir := b.TempDir()
				server.asked()
				b.StartTimer()
				if err := e.look(mirrorOf(b, dir, e.serverRepo)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(strings.Fields(server.asked()))), "requests/op")
		})
	}
}
