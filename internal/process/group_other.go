//go:build !unix

package process

import "os/exec"

// There are no process groups here: the program alone is ended, and at once.
func inGroup(*exec.Cmd)      {}
func askToEnd(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
func killAll(cmd *exec.Cmd)  { _ = cmd.Process.Kill() }
func there(*exec.Cmd) bool   { return false }
