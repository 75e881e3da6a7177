package link

import (
	"io"
	"net"
	"testing"
	"time"
)

// newEcho makes a link with a server that sends back what it gets.
func newEcho(t *testing.T) (l *Link, addr string) {
	t.Helper()
	l = New()
	t.Logf("%s (%v)", l.Kind, l.Lacks)
	t.Cleanup(l.Close)
	server, err := l.ListenOnServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.Serve(func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
	addr, err = l.Reach(server)
	if err != nil {
		t.Fatal(err)
	}
	return l, addr
}

func dial(t *testing.T, d Dialer) *net.TCPConn {
	t.Helper()
	conn, err := d()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func exchange(t *testing.T, conn *net.TCPConn, n int) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := conn.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// Whatever kind of link there can be here, it delays, and it counts bytes.
func TestLink(t *testing.T) {
	l, addr := newEcho(t)
	conn := dial(t, l.Client.To(addr))
	for _, roundTrip := range []time.Duration{0, 60 * time.Millisecond} {
		if err := l.SetRoundTrip(roundTrip); err != nil {
			t.Fatal(err)
		}
		before, err := l.Traffic()
		if err != nil {
			t.Fatal(err)
		}
		const n = 10_000
		if took := exchange(t, conn, n); took < roundTrip {
			t.Errorf("an exchange takes %v, less than %v", took, roundTrip)
		}
		after, err := l.Traffic()
		if err != nil {
			t.Fatal(err)
		}
		if got := after.Since(before); got.Sent < n || got.Sent > 2*n || got.Received < n || got.Received > 2*n {
			t.Errorf("%d bytes there and back: %+v", n, got)
		}
	}
}

// Trips are the same with and without a delay.
func TestLinkTrips(t *testing.T) {
	l, addr := newEcho(t)
	for _, roundTrip := range []time.Duration{0, 20 * time.Millisecond} {
		if err := l.SetRoundTrip(roundTrip); err != nil {
			t.Fatal(err)
		}
		counter, err := l.CountTrips(addr, 10*time.Millisecond+roundTrip)
		if err != nil {
			t.Fatal(err)
		}
		conn := dial(t, l.Client.To(counter.Addr))
		for range 5 {
			exchange(t, conn, 100)
		}
		if got := counter.Trips(); got != 5 {
			t.Errorf("5 exchanges at %v: %d trips", roundTrip, got)
		}
		counter.Close()
	}
}

func TestParseDev(t *testing.T) {
	const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     168       2    0    0    0     0          0         0      169       2    0    0    0     0       0          0
client: 1234567      12    0    0    0     0          0         0    89012      34    0    0    0     0       0          0
`
	if got, err := parseDev(text, "client"); err != nil || got != (Traffic{Sent: 89012, Received: 1234567}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := parseDev(text, "eth0"); err == nil {
		t.Error("a device that is not there has traffic")
	}
}
