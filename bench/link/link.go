// Package link emulates the network between a client and a server that are on one machine.
//
// A [Link] joins two network namespaces, so that a real TCP of the kernel is at work on both of its ends, and delays what goes
// through. Namespaces have no names: the kernel removes them with the process, however that ends. Where the process may not make
// them, a [Delay] stands in. A [TripCounter] counts sequential round trips, which do not depend on how fast the machine is.
package link

// A Direction is one of the two ways through a proxy.
type Direction int

const (
	ToServer Direction = iota // from the client
	ToClient                  // from the server
)

// Traffic is what went through a link, in bytes. On a [Link] of namespaces it includes the headers of TCP and IP.
type Traffic struct {
	Sent     int64 // by the client
	Received int64
}

// Since returns what was added to an earlier Traffic.
func (t Traffic) Since(earlier Traffic) Traffic {
	return Traffic{Sent: t.Sent - earlier.Sent, Received: t.Received - earlier.Received}
}
