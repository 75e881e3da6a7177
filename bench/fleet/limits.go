package main

import (
	"fmt"
	"net/netip"
	"time"
)

// What a run may be at most: it is for this machine, and for minutes.
const (
	maxDevices  = 2000 // of each kind
	maxLasts    = time.Minute
	maxPatience = time.Minute // beyond its time
	maxRequests = 2_000_000
)

// silence is how long a device waits for a server that says nothing. Boards wait for longer, originals for ever; here a disk that
// others flush at the same time may hold up a server that writes an access log for seconds.
const silence = 30 * time.Second

// Options are those of the command line.
type options struct {
	devices int
	seconds int
	every   time.Duration
	addr    string
	write   string // the document; "" for none
}

// check refuses what is too much, or elsewhere, and returns the address to listen on.
func (o options) check() (netip.Addr, error) {
	addr, err := netip.ParseAddr(o.addr)
	switch {
	case err != nil || !addr.IsLoopback():
		return addr, fmt.Errorf("-addr %q: only loopback addresses, such as 127.0.0.1", o.addr)
	case o.devices < 1 || o.devices > maxDevices:
		return addr, fmt.Errorf("-devices %d: from 1 to %d", o.devices, maxDevices)
	case o.seconds < 1 || time.Duration(o.seconds)*time.Second > maxLasts:
		return addr, fmt.Errorf("-seconds %d: from 1 to %.0f", o.seconds, maxLasts.Seconds())
	case o.every < 0 || o.every > maxLasts:
		return addr, fmt.Errorf("-every %v: from 0 to %v", o.every, maxLasts)
	}
	return addr, nil
}
