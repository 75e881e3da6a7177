//go:build unix

package mpycross

import (
	"os/exec"
	"syscall"
)

// ownGroup lets the end of the time end what the program has started too: a wrapper is often a script.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
