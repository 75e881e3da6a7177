package testserver

import (
	"net"
	"testing"

	"github.com/otactl/otactl/bench/link"
)

func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := link.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newAcceptor listens; connections wait until Serve is called. It stops when the test ends, and waits for the functions.
func newAcceptor(t testing.TB) *link.Acceptor {
	t.Helper()
	a := link.NewAcceptor(listen(t))
	t.Cleanup(a.Close)
	return a
}

// wait waits until no connection is open.
func wait(t testing.TB, a *link.Acceptor) {
	t.Helper()
	if !poll(func() bool { return a.Open() == 0 }) {
		t.Fatal("a connection does not end")
	}
}
