package testserver

import (
	"testing"
	"time"

	"github.com/otactl/otactl/bench/link"
)

// A TripCounter is a TCP proxy that counts sequential round trips.
type TripCounter = link.TripCounter

// Relay starts a [TripCounter] before upstream, a host:port. A hold of 10ms is right for servers on this machine.
func Relay(t testing.TB, upstream string, hold time.Duration) *TripCounter {
	t.Helper()
	r := link.CountTrips(listen(t), link.To(upstream), hold)
	t.Cleanup(r.Close)
	return r
}

// Delay starts a proxy before upstream, a host:port, that takes a round trip, and returns its own address. It is for figures;
// trips are counted by [Relay].
func Delay(t testing.TB, upstream string, roundTrip time.Duration) (addr string) {
	t.Helper()
	d := link.NewDelay(listen(t), link.To(upstream), roundTrip)
	t.Cleanup(d.Close)
	return d.Addr
}
