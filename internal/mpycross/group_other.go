//go:build !unix

package mpycross

import "os/exec"

// ownGroup leaves it at the program itself: there are no groups of processes.
func ownGroup(*exec.Cmd) {}
