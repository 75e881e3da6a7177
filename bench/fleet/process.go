package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A process is a server as a child of this process.
type process struct {
	cmd  *exec.Cmd
	said *bytes.Buffer
	done chan struct{} // closed when it has ended
}

// startProcess starts a child that ends when this process does, however that ends.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd, &bytes.Buffer{}, make(chan struct{})}
	cmd.Stderr = p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the thread that made the child ends
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is told to end: how it does so is no matter
		}
	}()
	return p, <-started
}

// stop ends it and returns the time that processors have worked for it and its own children.
func (p *process) stop() (cpu time.Duration, err error) {
	select {
	case <-p.done:
		return 0, fmt.Errorf("%s ended by itself: %s", p.cmd.Path, p.said)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		return 0, errors.Join(fmt.Errorf("%s does not end", p.cmd.Path), p.cmd.Process.Kill())
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), nil
}
