package sftp

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
)

// A connection that was made ahead is the one that is used, once; later ones are made anew.
func TestAhead(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	var dialled atomic.Int64
	cfg := usable(t, s, Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}})
	with, drop := Ahead(t.Context(), target(t, s), cfg)
	for n := range int64(2) {
		f, err := Dial(t.Context(), target(t, s), with)
		try(t, err)
		works(t, f)
		try(t, f.Close())
		if dialled.Load() != n+1 {
			t.Errorf("dialled %d times", dialled.Load())
		}
	}
	drop()
}

// Nothing was sent on a connection that nobody takes, and it is closed.
func TestAheadDropped(t *testing.T) {
	client, server := net.Pipe()
	_, drop := Ahead(t.Context(), Target{Host: "box", Path: "/"}, Config{
		Home: t.TempDir(), User: "u", Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil },
	})
	drop()
	if n, err := server.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes were sent, %v", n, err)
	}
}

// What went wrong ahead is the answer of Dial.
func TestAheadFails(t *testing.T) {
	down := errors.New("no route")
	with, drop := Ahead(t.Context(), Target{Host: "box", Path: "/"}, Config{
		Home: t.TempDir(), User: "u", Dial: func(context.Context, string, string) (net.Conn, error) { return nil, down },
	})
	defer drop()
	_, err := with.Dial(t.Context(), "tcp", "box:22")
	wantIs(t, err, down)
}
