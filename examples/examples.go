// Package examples holds repositories to start from. The demo runs on them, and
// tests run every one.
package examples

import "embed"

// Guestbook is a kustomize application on its way through four stages.
//
//go:embed all:guestbook
var Guestbook embed.FS

// Workflow is Towpath as a GitHub Action.
//
//go:embed workflows/.github/workflows/towpath.yml
var Workflow []byte
