package link

import (
	"net"
	"sync"
	"syscall"
)

// An Acceptor hands connections to a function and knows which of them are open.
type Acceptor struct {
	Addr string // host:port

	listener *net.TCPListener
	handling sync.WaitGroup
	mu       sync.Mutex
	open     map[*net.TCPConn]bool
	stopped  bool
}

// NewAcceptor takes over a listener. Connections wait until Serve is called.
func NewAcceptor(l *net.TCPListener) *Acceptor {
	return &Acceptor{Addr: l.Addr().String(), listener: l, open: map[*net.TCPConn]bool{}}
}

// Serve calls handle for each connection in a goroutine of its own, and closes the connection afterwards.
func (a *Acceptor) Serve(handle func(*net.TCPConn)) {
	a.handling.Go(func() {
		for {
			conn, err := a.listener.AcceptTCP()
			if err != nil {
				return
			}
			if !a.Add(conn) {
				a.Remove(conn)
				return
			}
			a.handling.Go(func() {
				defer a.Remove(conn)
				handle(conn)
			})
		}
	})
}

// Close stops accepting, closes all connections, and waits for the functions.
func (a *Acceptor) Close() {
	_ = a.listener.Close()
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.CloseAll()
	a.handling.Wait()
}

// Dial connects to where a proxy stands before; the connection counts as one of the acceptor's until it is removed.
func (a *Acceptor) Dial(dial Dialer) (*net.TCPConn, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	if !a.Add(conn) {
		a.Remove(conn)
		return nil, net.ErrClosed
	}
	return conn, nil
}

// Add makes a connection one of the acceptor's. It reports whether the acceptor still runs.
func (a *Acceptor) Add(conn *net.TCPConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[conn] = true
	return !a.stopped
}

// Remove closes a connection, which is no longer one of the acceptor's.
func (a *Acceptor) Remove(conn *net.TCPConn) {
	_ = conn.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, conn)
}

// CloseAll closes all connections; others may be made afterwards.
func (a *Acceptor) CloseAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.open {
		_ = conn.Close()
	}
}

// Open is the number of connections that have not ended.
func (a *Acceptor) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}

// Refuse makes further connections be refused. The socket keeps its port, so that no other server can get it meanwhile.
func (a *Acceptor) Refuse() {
	raw, err := a.listener.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RD) })
	}
}

// A Dialer connects to the server that a proxy stands before.
type Dialer func() (*net.TCPConn, error)

// To returns a Dialer for an address, host:port.
func To(addr string) Dialer {
	return func() (*net.TCPConn, error) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return nil, err
		}
		return conn.(*net.TCPConn), nil
	}
}

// Listen listens at a host:port.
func Listen(addr string) (*net.TCPListener, error) {
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}
