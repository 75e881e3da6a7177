package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"
)

// A cost is what something takes of a network: bytes as the sockets carry them, TLS included, TCP and IP not.
type cost struct {
	Requests    int64
	Connections int64
	Up, Down    int64 // bytes, from the device and to it
}

func (c cost) plus(d cost) cost {
	return cost{c.Requests + d.Requests, c.Connections + d.Connections, c.Up + d.Up, c.Down + d.Down}
}

func (c cost) times(n int64) cost {
	return cost{c.Requests * n, c.Connections * n, c.Up * n, c.Down * n}
}

// A meter counts what one device costs. It is for one goroutine.
type meter struct {
	server netip.AddrPort
	dialer net.Dialer
	since  cost // since it was last taken
}

// newMeter makes the meter of the device with a number. On Linux each has an address of its own: the ports of one would
// not do for all of the connections of a fleet.
func newMeter(server netip.AddrPort, number int) (*meter, error) {
	if !server.Addr().IsLoopback() {
		return nil, fmt.Errorf("%s is not of this machine: no load is sent to other ones", server)
	}
	m := &meter{server: server, dialer: net.Dialer{Timeout: 5 * time.Second}}
	if runtime.GOOS == "linux" && server.Addr().Is4() {
		m.dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1+byte(number>>16), byte(number>>8), byte(number))}
	}
	return m, nil
}

// dial connects to the server, whatever the address is that the device asks for.
func (m *meter) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	conn, err := m.dialer.DialContext(ctx, network, m.server.String())
	if err != nil {
		return nil, err
	}
	m.since.Connections++
	return &meteredConn{conn, m}, nil
}

// take returns the cost since it was last taken.
func (m *meter) take() cost {
	c := m.since
	m.since = cost{}
	return c
}

type meteredConn struct {
	net.Conn
	meter *meter
}

// Read implements net.Conn.
func (c *meteredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.meter.since.Down += int64(n)
	return n, err
}

// Write implements net.Conn.
func (c *meteredConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.meter.since.Up += int64(n)
	return n, err
}
