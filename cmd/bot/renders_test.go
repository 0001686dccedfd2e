package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/forge"
)

// What the bot renders is in its data folder, for the bot that is started there
// next (R1).
func TestRenderingsAreKept(t *testing.T) {
	b, err := newBot(t.Context(), options{
		forge: forge.Config{Token: "t"}, webhookSecrets: [][]byte{[]byte("s")}, dataDir: t.TempDir(),
		now: time.Now, after: time.After, log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.inbox.Close()
	defer b.renderer.Close()
	files := directives.NewWorkspace()
	for name, text := range map[string]string{
		"kustomization.yaml": "resources: [a.yaml]\n",
		"a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	} {
		if err := files.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.engine.Renderer.Kustomize(t.Context(), files, directives.KustomizeBuild{Path: "."}); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadDir(filepath.Join(b.dataDir, "renders")); err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v", kept, err)
	}
}
