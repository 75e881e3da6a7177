package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// A dialer connects to one target, perhaps more than once.
type dialer struct {
	Config
	way      []hop
	unlocked map[string]ssh.Signer // by where the key came from
	agent    net.Conn              // nil until needed
	clock    *watchdog             // of the handshake that is under way
	locked   error                 // why a key could not be unlocked during a handshake
}

// Dial connects to a target. Its errors are *URLError, *ConfigError and *KeyFileError for what is wrong on our side,
// *store.ConnError for a host that cannot be reached or does not answer, and *store.RefusedError around *HostKeyError or
// *AuthError for one that is not who it should be, or does not let us in.
//
// Eight trips, and that of TCP: identification with KEXINIT, key exchange, service request, the "none" probe, the question
// for the key, the signature, channel, subsystem. Each host of ProxyJump adds seven. INIT goes along with the first requests, so
// that what answers is no SFTP server may show only then.
func Dial(ctx context.Context, t Target, cfg Config) (*FS, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	way, err := readSettings(&cfg).route(place{t.User, t.Host, t.Port}, 1)
	if err != nil {
		return nil, err
	}
	d := &dialer{Config: cfg, way: way, unlocked: map[string]ssh.Signer{}}
	return New(ctx, d.open, Options{
		Target: d.target(), Root: t.Path, Timeout: cfg.Timeout, Trace: cfg.Trace, Written: cfg.Written,
	})
}

func (d *dialer) target() string { return d.way[len(d.way)-1].address() }

func (d *dialer) trace(format string, args ...any) {
	if d.Trace != nil {
		d.Trace(fmt.Sprintf(format, args...))
	}
}

// open connects through all hosts and starts the SFTP server on the last one.
func (d *dialer) open(ctx context.Context) (io.ReadWriteCloser, error) {
	defer d.forgetAgent()
	var base net.Conn // closing it ends everything that runs through it
	var client *ssh.Client
	for i, h := range d.way {
		var err error
		if base, client, err = d.hop(ctx, base, client, h, i == len(d.way)-1); err != nil {
			if base != nil {
				_ = base.Close() // the first error counts
			}
			return nil, err
		}
	}
	stream, err := timed(ctx, d, base, func() (*channel, error) { return subsystem(base, client) })
	if err != nil {
		_ = base.Close() // the first error counts
		return nil, unreachable(d.target(), err)
	}
	return stream, nil
}

func (d *dialer) forgetAgent() {
	if d.agent != nil {
		_ = d.agent.Close() // only read from
		d.agent = nil
	}
}

// hop connects to one more host, and once more for each type of host key if the pin does not say of which type it is.
func (d *dialer) hop(ctx context.Context, base net.Conn, via *ssh.Client, h hop, target bool) (net.Conn, *ssh.Client, error) {
	j, err := d.judgeFor(h, target)
	if err != nil {
		return base, nil, err
	}
	l, err := d.login(ctx, h, target)
	if err != nil {
		return base, nil, err
	}
	var first error
	for {
		below, client, err := d.handshake(ctx, base, via, h, j, l)
		var wrong *HostKeyError
		if err == nil || !j.fingerprint || !errors.As(err, &wrong) {
			return below, client, prefer(first, err)
		}
		first = prefer(first, err)
		if below != nil && via == nil {
			_ = below.Close() // that connection is of no more use
		}
		if j.types = without(j.types, wrong.Type); len(j.types) == 0 {
			return base, nil, first
		}
	}
}

// prefer returns the first error unless there is none at all in the end.
func prefer(first, err error) error {
	if err == nil || first == nil {
		return err
	}
	return first
}

// handshake makes one connection and logs in. The connection that it returns is the one below everything.
func (d *dialer) handshake(ctx context.Context, base net.Conn, via *ssh.Client, h hop, j judge, l *login) (net.Conn, *ssh.Client, error) {
	d.trace("ssh: connect to %s", h.address())
	conn, err := d.connect(ctx, base, via, h.address())
	if err != nil {
		return base, nil, unreachable(h.address(), err)
	}
	if base == nil {
		base = conn
	}
	verified := false
	config := &ssh.ClientConfig{
		User: h.user, Auth: l.methods, AuthCallback: l.note, HostKeyAlgorithms: j.types,
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			d.trace("ssh: %s shows %s %s", h.address(), key.Type(), ssh.FingerprintSHA256(key))
			err := j.check(host, remote, key)
			verified = err == nil
			return err
		},
	}
	d.locked = nil
	client, err := timed(ctx, d, base, func() (*ssh.Client, error) {
		c, channels, requests, err := ssh.NewClientConn(conn, h.address(), config)
		if err != nil {
			return nil, err
		}
		return ssh.NewClient(c, channels, requests), nil
	})
	if err == nil {
		d.trace("ssh: logged in to %s as %q", h.address(), h.user)
		return base, client, nil
	}
	return base, nil, d.refused(ctx, h, l, verified, err)
}

// connect opens a connection, directly or through the host before.
func (d *dialer) connect(ctx context.Context, base net.Conn, via *ssh.Client, address string) (net.Conn, error) {
	if via != nil {
		return timed(ctx, d, base, func() (net.Conn, error) {
			conn, err := via.DialContext(ctx, "tcp", address)
			return conn, opened(err)
		})
	}
	limited, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	conn, err := d.dial()(limited, "tcp", address)
	if limited.Err() != nil && ctx.Err() == nil && err != nil {
		err = &TimeoutError{d.Timeout}
	}
	if err != nil {
		return nil, err
	}
	return quick(conn), nil
}

// timed does one step, and ends the connection below it when that takes too long or ctx ends.
func timed[T any](ctx context.Context, d *dialer, base net.Conn, step func() (T, error)) (T, error) {
	var late atomic.Bool
	d.clock = newWatchdog(d.Timeout, func() {
		late.Store(true)
		_ = base.Close() // so that step returns
	})
	defer func() { d.clock = nil }()
	stop := context.AfterFunc(ctx, func() { _ = base.Close() })
	defer stop()
	d.clock.wait()
	defer d.clock.rest()
	value, err := step()
	if late.Load() {
		return value, &TimeoutError{d.Timeout}
	}
	if ctx.Err() != nil {
		return value, ctx.Err()
	}
	return value, err
}
