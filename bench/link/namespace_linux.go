package link

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Namespace is a network of its own. It has no name: it belongs to a thread of this process and what that has started, and goes
// with them. A nil Namespace is the network that the process was started in.
type Namespace struct {
	work   chan func()
	thread int
}

// NewNamespace makes a network that has nothing but its loopback interface. It takes root.
func NewNamespace() (*Namespace, error) {
	n := &Namespace{work: make(chan func())}
	made := make(chan error)
	go n.run(made)
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	if err := n.command("ip", "link", "set", "lo", "up"); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// run stays on a thread that is never unlocked, so that it ends with the goroutine and nothing else ever runs in its network.
func (n *Namespace) run(made chan<- error) {
	runtime.LockOSThread()
	n.thread = unix.Gettid()
	err := unix.Unshare(unix.CLONE_NEWNET)
	made <- err
	if err != nil {
		return
	}
	for f := range n.work {
		f()
	}
}

// Do calls f in the network: sockets that it makes and processes that it starts are there. The processes get their
// Pdeathsig when the Namespace is closed.
func (n *Namespace) Do(f func() error) error {
	if n == nil {
		return f()
	}
	done := make(chan error)
	n.work <- func() { done <- f() }
	return <-done
}

// Close gives the network up. It is there until the sockets in it are closed and the processes in it have ended.
func (n *Namespace) Close() {
	if n != nil {
		close(n.work)
	}
}

// Listen listens there, at a host:port.
func (n *Namespace) Listen(addr string) (l *net.TCPListener, err error) {
	err = n.Do(func() error {
		l, err = Listen(addr)
		return err
	})
	return l, err
}

// To returns a Dialer that connects from there to an address, host:port.
func (n *Namespace) To(addr string) Dialer {
	return func() (conn *net.TCPConn, err error) {
		err = n.Do(func() error {
			conn, err = To(addr)()
			return err
		})
		return conn, err
	}
}

func (n *Namespace) command(name string, args ...string) error {
	return n.Do(func() error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%w (package iproute2)", err)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
		return nil
	})
}
