package testserver

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/otactl/otactl/bench/link"
)

// A Direction is that of bytes through a proxy.
type Direction = link.Direction

const (
	ToServer = link.ToServer
	ToClient = link.ToClient
)

// A Cut says when and how a connection is cut.
type Cut struct {
	Direction Direction // of the bytes that are counted
	After     int64     // exactly so many bytes arrive, and no more; negative: the connection is not cut
	Reset     bool      // both sides see a reset (RST); otherwise the end of the connection (FIN)
	Refuse    bool      // further connections are refused
}

// Traffic is what a connection has carried.
type Traffic struct {
	Bytes [2]int64 // that were forwarded, by Direction
	Cut   bool
}

// A Cutter is a TCP proxy that cuts connections.
type Cutter struct {
	*link.Acceptor // Addr is host:port
	upstream       string
	mu             sync.Mutex
	plan           []Cut
	traffic        []*Traffic
}

// CutProxy starts a proxy before upstream, a host:port. It cuts nothing until [Cutter.Cut] tells it to.
func CutProxy(t testing.TB, upstream string) *Cutter {
	t.Helper()
	c := &Cutter{Acceptor: newAcceptor(t), upstream: upstream}
	c.Serve(c.carry)
	return c
}

// Cut says what happens to the next connections, one after the other. Those after them are not cut.
func (c *Cutter) Cut(cuts ...Cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan = cuts
}

// Traffic waits until all connections have ended and returns what each has carried, in the order in which they were made.
func (c *Cutter) Traffic(t testing.TB) []Traffic {
	t.Helper()
	wait(t, c.Acceptor)
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Traffic, len(c.traffic))
	for i, traffic := range c.traffic {
		all[i] = *traffic
	}
	return all
}

// carry serves one connection.
func (c *Cutter) carry(client *net.TCPConn) {
	w := c.next()
	server, err := c.Dial(link.To(c.upstream))
	if err != nil {
		_ = client.SetLinger(0) // a reset is the nearest thing to a refusal
		return
	}
	defer c.Remove(server)
	w.ends = [2]*net.TCPConn{ToServer: server, ToClient: client}
	var both sync.WaitGroup
	both.Go(func() { w.carry(ToServer) })
	both.Go(func() { w.carry(ToClient) })
	both.Wait()
}

func (c *Cutter) next() *wire {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &wire{proxy: c, cut: Cut{After: -1}}
	if len(c.plan) > 0 {
		w.cut, c.plan = c.plan[0], c.plan[1:]
	}
	c.traffic = append(c.traffic, &w.traffic)
	return w
}

// A wire is one connection through the proxy.
type wire struct {
	proxy   *Cutter
	cut     Cut
	traffic Traffic         // guarded by proxy.mu
	ends    [2]*net.TCPConn // where bytes of a Direction go to
}

// carry forwards the bytes of one direction until they end or the connection is cut.
func (w *wire) carry(d Direction) {
	from, to := w.ends[1-d], w.ends[d]
	counts := w.cut.After >= 0 && w.cut.Direction == d
	left := w.cut.After
	buf := make([]byte, 64<<10)
	for !counts || left > 0 {
		n, err := from.Read(buf)
		if counts {
			n = int(min(int64(n), left))
			left -= int64(n)
		}
		if !w.forward(d, buf[:n]) {
			break
		}
		if err != nil {
			_ = to.CloseWrite()
			return
		}
	}
	if counts && left == 0 {
		w.sever()
	}
	// Closing a connection with bytes that nobody has read would send RST after FIN.
	_ = from.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, from)
}

// forward sends bytes unless the connection was cut, and reports whether it did.
func (w *wire) forward(d Direction, data []byte) bool {
	w.proxy.mu.Lock()
	cut := w.traffic.Cut
	w.proxy.mu.Unlock()
	if cut {
		return false
	}
	n, err := w.ends[d].Write(data)
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	w.traffic.Bytes[d] += int64(n)
	return err == nil
}

// sever cuts the connection on both sides.
func (w *wire) sever() {
	w.proxy.mu.Lock()
	w.traffic.Cut = true
	w.proxy.mu.Unlock()
	if w.cut.Refuse {
		w.proxy.Refuse()
	}
	for _, end := range w.ends {
		if !w.cut.Reset {
			_ = end.CloseWrite()
			continue
		}
		poll(func() bool { return unsent(end) == 0 }) // a reset would discard what is still on its way
		_ = end.SetLinger(0)
		_ = end.Close()
	}
}

// unsent returns how many bytes the other side's kernel has not received.
func unsent(conn *net.TCPConn) int {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	var n int
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil && info.State == unix.BPF_TCP_CLOSE {
			return // the other side has reset the connection: what is left never arrives, and would count for ever
		}
		n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	if err != nil {
		return 0
	}
	return n
}
