package sftp

import (
	"context"
	"net"
	"sync"
)

// Ahead begins to connect to a target: it looks up the first host and opens a TCP connection to it, and sends nothing. Dial
// takes that connection if it is called with the configuration that Ahead returns, and finds out by itself what went wrong
// otherwise. drop gives up a connection that nobody has taken; it must be called.
func Ahead(ctx context.Context, t Target, cfg Config) (with Config, drop func()) {
	quiet := cfg // Dial says it again
	quiet.Warn, quiet.Trace = nil, nil
	way, err := readSettings(&quiet).route(place{t.User, t.Host, t.Port}, 1)
	if err != nil {
		return cfg, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &aheadConn{address: way[0].address(), dial: cfg.dial(), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.conn, a.err = a.dial(ctx, "tcp", a.address)
	}()
	with = cfg
	with.Dial = a.take
	return with, func() {
		cancel()
		go a.drop() // nobody waits for a host that does not answer
	}
}

func (c *Config) dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial
	}
	return (&net.Dialer{}).DialContext
}

// An aheadConn is being made, and is taken once.
type aheadConn struct {
	address string
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	done    chan struct{} // closed when conn and err are set
	conn    net.Conn
	err     error
	once    sync.Once
}

func (a *aheadConn) take(ctx context.Context, network, address string) (conn net.Conn, err error) {
	mine := false
	if address == a.address {
		a.once.Do(func() { mine = true })
	}
	if !mine {
		return a.dial(ctx, network, address)
	}
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		go a.close()
		return nil, ctx.Err()
	}
}

func (a *aheadConn) drop() { a.once.Do(a.close) }

func (a *aheadConn) close() {
	<-a.done
	if a.conn != nil {
		_ = a.conn.Close() // nothing was sent
	}
}
