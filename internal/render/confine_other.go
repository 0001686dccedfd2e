//go:build !linux

package render

// All of it is for Linux.

func endWithParent() {}

func boundMemory(int64) {}

func forbid(bool) {}
