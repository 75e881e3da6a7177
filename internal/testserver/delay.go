package testserver

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Delay starts a TCP proxy before upstream, a host:port, and returns its own. What it carries arrives half a round trip
// later, however much of it is on its way. It is for figures; trips are counted by [Relay].
func Delay(t testing.TB, upstream string, roundTrip time.Duration) (addr string) {
	t.Helper()
	a := newAcceptor(t)
	a.serve(func(client *net.TCPConn) {
		server, err := a.dial(upstream)
		if err != nil {
			return
		}
		defer a.remove(server)
		var both sync.WaitGroup
		both.Go(func() { carryLate(server, client, roundTrip/2) })
		both.Go(func() { carryLate(client, server, roundTrip/2) })
		both.Wait()
	})
	return a.Addr
}

// carryLate carries what comes until it ends.
func carryLate(to, from *net.TCPConn, late time.Duration) {
	type delayed struct {
		data []byte
		due  time.Time
	}
	onTheWay := make(chan delayed, 1<<16)
	go func() {
		defer close(onTheWay)
		for {
			buf := make([]byte, 64<<10)
			n, err := from.Read(buf)
			if n > 0 {
				onTheWay <- delayed{buf[:n], time.Now().Add(late)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range onTheWay {
		time.Sleep(time.Until(c.due))
		_, _ = to.Write(c.data) // if nobody listens, nobody misses it
	}
	_ = to.CloseWrite()
}
