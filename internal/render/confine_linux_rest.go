//go:build linux && !amd64 && !arm64

package render

// Not known of every architecture: a filter without it is better than none.
const auditArch = 0

func legacyCalls() []uint32 { return nil }
