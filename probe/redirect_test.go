package probe

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// TestPasswordStaysHere: original clients would send the password to wherever a redirect leads; from us nobody else learns it.
func TestPasswordStaysHere(t *testing.T) {
	files, release := tagFiles(someFiles)
	var seen, told atomic.Int64
	other := rawServer(t, files, func(c *net.TCPConn, r request, content []byte) bool {
		seen.Add(1)
		if r.auth != "" {
			told.Add(1)
		}
		return good(c, r, content)
	})
	var asked atomic.Int64
	base := rawServer(t, files, func(c *net.TCPConn, r request, _ []byte) bool {
		if r.auth == "Basic YW5uOnMzY3JldA==" {
			asked.Add(1)
		}
		fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s%s\r\n\r\n", other, r.path)
		return false
	})
	report := live(t, site(t, base, func(c *Config) { c.User, c.Password = "ann", "s3cret" }), &release)
	if seen.Load() == 0 || asked.Load() == 0 || told.Load() > 0 {
		t.Errorf("%d requests with the password, %d redirected ones, %d of them with it", asked.Load(), seen.Load(), told.Load())
	}
	if strings.Contains(dump(report), "s3cret") || strings.Contains(dump(report), "YW5uOnMzY3JldA==") {
		t.Errorf("the password is in the report\n%s", dump(report))
	}
}
