package testserver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A process is a child of this one, with all of its descendants.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the child has ended
}

// start starts a child that gets a SIGTERM when this process dies, however it dies: a test that panics runs no cleanup.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd, make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the thread that made the child ends
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return p, <-started
}

// kill ends the child and its descendants, and returns when they are gone: none of them writes into a folder that is
// being removed. sshd gives its sessions process groups of their own, so a signal to one group would not be enough.
func (p *process) kill() {
	select {
	case <-p.done:
		return // its number may be somebody else's by now
	default:
	}
	pids := freeze(p.cmd.Process.Pid)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.done
	poll(func() bool { return !slices.ContainsFunc(pids, running) })
}

// freeze stops a process and its descendants, so that none can start another one, and returns them.
func freeze(pid int) []int {
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	pids := []int{pid}
	for _, child := range children(pid) {
		pids = append(pids, freeze(child)...)
	}
	return pids
}

// children returns the processes that a process has started.
func children(pid int) []int {
	var pids []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// running reports whether a process is there and has not ended.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, ok := bytes.Cut(stat, []byte(") ")) // the name before it may hold anything
	return ok && state[0] != 'Z' && state[0] != 'X'
}

// poll waits until what holds is true, and reports whether it became true in time.
func poll(holds func() bool) bool {
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
