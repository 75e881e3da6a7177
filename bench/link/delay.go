package link

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Delay is a TCP proxy. What it carries arrives half a round trip later, however much of it is on its way. Kernels at both ends
// talk to the proxy, not to each other: their own round trips, such as those of connecting, are not delayed.
type Delay struct {
	*Acceptor // Addr is host:port
	dial      Dialer
	roundTrip atomic.Int64
	carried   [2]atomic.Int64 // bytes, by Direction
}

// NewDelay starts a proxy that listens on l, before the server that dial connects to.
func NewDelay(l *net.TCPListener, dial Dialer, roundTrip time.Duration) *Delay {
	d := &Delay{Acceptor: NewAcceptor(l), dial: dial}
	d.SetRoundTrip(roundTrip)
	d.Serve(d.carry)
	return d
}

// SetRoundTrip is for what is sent from now on.
func (d *Delay) SetRoundTrip(roundTrip time.Duration) { d.roundTrip.Store(int64(roundTrip)) }

// Traffic returns the bytes that were carried so far.
func (d *Delay) Traffic() Traffic {
	return Traffic{Sent: d.carried[ToServer].Load(), Received: d.carried[ToClient].Load()}
}

func (d *Delay) carry(client *net.TCPConn) {
	server, err := d.Dial(d.dial)
	if err != nil {
		return
	}
	defer d.Remove(server)
	var both sync.WaitGroup
	both.Go(func() { d.carryLate(server, client, ToServer) })
	both.Go(func() { d.carryLate(client, server, ToClient) })
	both.Wait()
}

// carryLate carries what comes until it ends.
func (d *Delay) carryLate(to, from *net.TCPConn, direction Direction) {
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
				onTheWay <- delayed{buf[:n], time.Now().Add(time.Duration(d.roundTrip.Load()) / 2)}
				d.carried[direction].Add(int64(n))
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
