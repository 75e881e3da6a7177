package probe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// An Asker sends every request, as often as it is made: original clients over a connection for each, the own one over one.
func TestAskers(t *testing.T) {
	root, r := published(t)
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	defer server.Close()
	var dials atomic.Int64
	s := site(t, server.URL, func(c *Config) {
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
	})
	want := someFiles["main.py"]
	for i, asker := range append(s.Originals(), s.Own()) {
		dials.Store(0)
		for range 3 {
			if body, err := asker.Get(t.Context(), r.path("main.py"), int64(len(want))); err != nil || string(body) != want {
				t.Errorf("%d: %q, %v", i, body, err)
			}
		}
		if _, err := asker.Get(t.Context(), r.path("nothing.py"), 0); err == nil {
			t.Errorf("%d takes a file that does not exist", i)
		}
		asker.Close()
		connections := map[bool]int64{true: 4, false: 1}[i < len(forms)]
		if got := dials.Load(); got != connections {
			t.Errorf("%d: %d connections, want %d", i, got, connections)
		}
	}
}
