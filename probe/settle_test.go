package probe

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otactl/otactl/layout"
)

// cached serves version as a cache does that lets go of the old one after so many requests.
func cached(after int64) behaviour {
	var asked atomic.Int64
	return func(c *net.TCPConn, r request, content []byte) bool {
		if isVersion(r) && asked.Add(1) <= after {
			content = []byte("v1.0.0\n")
		}
		return good(c, r, content)
	}
}

func TestSettle(t *testing.T) {
	files, release := tagFiles(someFiles)
	next, _ := layout.ParseTag("v1.0.2")
	for _, c := range []struct {
		name     string
		b        behaviour
		tag      layout.Tag
		patience time.Duration
		found    string // "" if it settles
	}{
		{"at once", good, release.Tag, time.Minute, ""},
		{"after a while", cached(3), release.Tag, time.Minute, ""},
		{"never", good, next, 10 * time.Millisecond, `after 10ms it is "v1.0.1", not v1.0.2`},
		{"not for all", func(c *net.TCPConn, r request, content []byte) bool {
			if r.framed {
				content = []byte("v1.0.0\n")
			}
			return good(c, r, content)
		}, release.Tag, 10 * time.Millisecond, `after 10ms it is "v1.0.0", not v1.0.1`},
		{"a failing server", text("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), release.Tag, 10 * time.Millisecond, "after 10ms it is status 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report, err := Settle(context.Background(), site(t, rawServer(t, files, c.b)), project, c.tag, c.patience)
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed() != (c.found != "") || !strings.Contains(dump(report), c.found) {
				t.Errorf("\n%swant %q", dump(report), c.found)
			}
		})
	}
}

func TestSettleEndsWithTheContext(t *testing.T) {
	files, release := tagFiles(someFiles)
	ctx, cancel := context.WithCancel(context.Background())
	base := rawServer(t, files, func(c *net.TCPConn, r request, _ []byte) bool {
		cancel()
		return good(c, r, []byte("v1.0.0\n"))
	})
	if _, err := Settle(ctx, site(t, base), project, release.Tag, time.Minute); err == nil {
		t.Error("no error")
	}
}

// TestOwnOnly has no original client to care for.
func TestOwnOnly(t *testing.T) {
	files, release := tagFiles(someFiles)
	own := func(c *Config) { c.OwnOnly = true }
	base := rawServer(t, files, text("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {path}\r\n\r\n"))
	report := live(t, site(t, base, own), &release)
	if report.Failed() || len(report.Fates) != 1 || report.Fates[0].Verdict != Updates {
		t.Errorf("\n%s", dump(report))
	}
	base = rawServer(t, files, only(isMain, instead(strings.ToUpper)))
	if got := codes(live(t, site(t, base, own), &release)); !slices.Contains(got, "error bytes") {
		t.Errorf("%q", got)
	}
}
