package link

import (
	"net"
	"sync"
	"time"
)

// A TripCounter is a TCP proxy that counts sequential round trips.
//
// A trip is an exchange that had to wait for the one before it; connecting is not counted. Each side has a clock. Bytes
// of the client carry its clock plus one, bytes of the server carry the server's clock, and a side that receives bytes
// sets its clock to what they carry if that is later. So the client's clock is the length of the longest chain of
// requests each of which could have depended on the answer to the one before it: however many requests are sent at once,
// they are one trip. The count is an integer that does not depend on how fast the machine is, as long as whoever can send
// without waiting does so before the hold has passed: bytes are held until nobody has sent anything for that long.
//
// Load can only make the count too high, so the least of a few runs is the right one. What the server does meanwhile
// should be fast: let its folder be on a tmpfs if fsync is part of it.
type TripCounter struct {
	*Acceptor // Addr is host:port
	dial      Dialer
	hold      time.Duration
	activity  chan struct{}
	stop      chan struct{}
	running   sync.WaitGroup

	mu     sync.Mutex
	clock  int     // of the client, which all of its connections share
	zero   int     // the clock at the last Reset
	flying []chunk // in the order in which they were sent
}

// A chunk is bytes on their way.
type chunk struct {
	link      *connection
	direction Direction
	clock     int
	data      []byte
	end       bool // of the connection in this direction
}

// A connection is one through the relay.
type connection struct {
	ends   [2]*net.TCPConn // where bytes of a Direction go to
	clock  int             // of this server; guarded by TripCounter.mu
	flying sync.WaitGroup  // one for each chunk on its way
}

// CountTrips starts a relay that listens on l, before the server that dial connects to. A hold of 10ms is right for servers
// on this machine.
func CountTrips(l *net.TCPListener, dial Dialer, hold time.Duration) *TripCounter {
	r := &TripCounter{Acceptor: NewAcceptor(l), dial: dial, hold: hold, activity: make(chan struct{}, 1), stop: make(chan struct{})}
	r.running.Go(r.run)
	r.Serve(r.carry)
	return r
}

// Close ends the relay, after what is on its way has arrived.
func (r *TripCounter) Close() {
	r.Acceptor.Close()
	close(r.stop)
	r.running.Wait()
}

// Trips returns the number of sequential round trips since the last Reset, over all connections together.
func (r *TripCounter) Trips() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock - r.zero
}

// Reset sets the count to 0. Call it when nothing is on its way.
func (r *TripCounter) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.zero = r.clock
}

// carry serves one connection.
func (r *TripCounter) carry(client *net.TCPConn) {
	server, err := r.Dial(r.dial)
	if err != nil {
		_ = client.SetLinger(0) // a reset is the nearest thing to a refusal
		return
	}
	defer r.Remove(server)
	l := &connection{ends: [2]*net.TCPConn{ToServer: server, ToClient: client}}
	r.mu.Lock()
	l.clock = r.clock
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.collect(l, ToServer) })
	both.Go(func() { r.collect(l, ToClient) })
	both.Wait()
	l.flying.Wait()
}

// collect puts the bytes of one direction on their way.
func (r *TripCounter) collect(l *connection, d Direction) {
	for {
		buf := make([]byte, 64<<10)
		n, err := l.ends[1-d].Read(buf)
		r.send(chunk{link: l, direction: d, data: buf[:n], end: err != nil})
		if err != nil {
			return
		}
	}
}

func (r *TripCounter) send(c chunk) {
	c.link.flying.Add(1)
	r.mu.Lock()
	c.clock = c.link.clock
	if c.direction == ToServer {
		c.clock = r.clock + 1
	}
	r.flying = append(r.flying, c)
	r.mu.Unlock()
	select {
	case r.activity <- struct{}{}:
	default:
	}
}

// run delivers what is on its way whenever nobody has sent anything for as long as the hold.
func (r *TripCounter) run() {
	quiet := time.NewTimer(r.hold)
	for {
		select {
		case <-r.stop:
			return
		case <-r.activity:
			quiet.Reset(r.hold)
		case <-quiet.C:
			r.deliver()
		}
	}
}

func (r *TripCounter) deliver() {
	r.mu.Lock()
	arriving := r.flying
	r.flying = nil
	for _, c := range arriving {
		switch {
		case len(c.data) == 0: // hanging up asks for no answer
		case c.direction == ToServer:
			c.link.clock = max(c.link.clock, c.clock)
		default:
			r.clock = max(r.clock, c.clock)
		}
	}
	r.mu.Unlock()
	for _, c := range arriving {
		to := c.link.ends[c.direction]
		_, _ = to.Write(c.data)
		if c.end {
			_ = to.CloseWrite()
		}
		c.link.flying.Done()
	}
}
