package testserver

import (
	"net"
	"sync"
	"syscall"
	"testing"
)

// An acceptor hands connections to a function and knows which of them are open.
type acceptor struct {
	Addr string // host:port

	listener *net.TCPListener
	handling sync.WaitGroup
	mu       sync.Mutex
	open     map[*net.TCPConn]bool
	stopped  bool
}

func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newAcceptor listens; connections wait until serve is called. It stops when the test ends, and waits for the functions.
func newAcceptor(t testing.TB) *acceptor {
	t.Helper()
	a := &acceptor{listener: listen(t), open: map[*net.TCPConn]bool{}}
	a.Addr = a.listener.Addr().String()
	t.Cleanup(func() {
		_ = a.listener.Close()
		a.mu.Lock()
		a.stopped = true
		a.mu.Unlock()
		a.closeAll()
		a.handling.Wait()
	})
	return a
}

// serve calls handle for each connection in a goroutine of its own, and closes the connection afterwards.
func (a *acceptor) serve(handle func(*net.TCPConn)) {
	a.handling.Go(func() {
		for {
			conn, err := a.listener.AcceptTCP()
			if err != nil {
				return
			}
			if !a.add(conn) {
				a.remove(conn)
				return
			}
			a.handling.Go(func() {
				defer a.remove(conn)
				handle(conn)
			})
		}
	})
}

// dial connects to where a proxy stands before; the connection counts as one of the acceptor's until it is removed.
func (a *acceptor) dial(addr string) (*net.TCPConn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	server := conn.(*net.TCPConn)
	if !a.add(server) {
		a.remove(server)
		return nil, net.ErrClosed
	}
	return server, nil
}

func (a *acceptor) add(conn *net.TCPConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[conn] = true
	return !a.stopped
}

func (a *acceptor) remove(conn *net.TCPConn) {
	_ = conn.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, conn)
}

func (a *acceptor) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.open {
		_ = conn.Close()
	}
}

func (a *acceptor) connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}

// wait waits until no connection is open.
func (a *acceptor) wait(t testing.TB) {
	t.Helper()
	if !poll(func() bool { return a.connections() == 0 }) {
		t.Fatal("a connection does not end")
	}
}

// refuse makes further connections be refused. The socket keeps its port, so that no other server can get it meanwhile.
func (a *acceptor) refuse() {
	raw, err := a.listener.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RD) })
	}
}
