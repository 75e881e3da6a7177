package proofs

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
	"github.com/otactl/otactl/store/storetest"
)

// bucketCuts is how many positions are tried on each way, when a lost connection can be made again and when it cannot.
const bucketCuts = 60

// A bucketBench is what all cuts before a bucket have in common.
type bucketBench struct {
	server *testserver.S3

	mu    sync.Mutex
	tally map[string]int
	done  []bucketCase
}

type bucketCase struct {
	cut    testserver.Cut
	prefix string
	err    error
}

func (c bucketCase) String() string { return fmt.Sprintf("cut %+v of %s: %v", c.cut, c.prefix, c.err) }

// claims is what a publish says of version, as the command line would.
func (c bucketCase) claims() string {
	var unknown *store.UnknownError
	var lost *store.ConnError
	switch {
	case c.err == nil:
		return "live"
	case errors.As(c.err, &unknown):
		return "unknown"
	case errors.As(c.err, &lost):
		return "not live"
	}
	return "nonsense"
}

// A connection to a real object store that is cut at any byte leaves devices on a whole release, and the publisher tells the
// truth about which.
func TestBucketCut(t *testing.T) {
	t.Parallel()
	b := &bucketBench{server: testserver.Versitygw(t, ""), tally: map[string]int{}}
	total := b.measure(t)
	t.Run("cuts", func(t *testing.T) {
		for _, refuse := range []bool{false, true} {
			for d, bytes := range total {
				for i, at := range spread(0, bytes, bucketCuts) {
					cut := testserver.Cut{Direction: testserver.Direction(d), After: at, Reset: i%2 == 1, Refuse: refuse}
					t.Run(fmt.Sprintf("%+v", cut), func(t *testing.T) {
						t.Parallel()
						b.try(t, cut)
					})
				}
			}
		}
	})
	for _, c := range b.done { // when all is quiet
		b.check(t, c)
		b.again(t, c)
	}
	t.Logf("a publish takes %d bytes to the server and %d to the client; %d cuts: %v", total[0], total[1], len(b.done), b.tally)
	for _, claim := range []string{"live", "not live", "unknown"} {
		if b.tally[claim] == 0 {
			t.Errorf("no cut led to %q", claim)
		}
	}
}

// root makes a prefix in which v1.0.0 is live.
func (b *bucketBench) root(t *testing.T) string {
	t.Helper()
	prefix := b.server.Prefix()
	s := bucket(t, b.server, prefix, nil)
	mustPublish(t, s, layout.Prefix, "v1.0.0", 1)
	_ = s.Close()
	return prefix
}

// publish publishes v1.1.0 through a proxy, over one connection at a time.
func (b *bucketBench) publish(t *testing.T, proxy *testserver.Cutter, cut testserver.Cut) bucketCase {
	t.Helper()
	c := bucketCase{cut: cut, prefix: b.root(t)}
	proxy.Cut(cut)
	wire := &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}
	behind := &testserver.S3{Addr: proxy.Addr, Bucket: b.server.Bucket}
	s := bucket(t, behind, c.prefix, func(o *s3.Options) { o.Transport, o.Pause, o.Wait = wire, time.Millisecond, 300*time.Millisecond })
	_, c.err = publish.Run(t.Context(), s, request(t, layout.Prefix, "v1.1.0", 9))
	wire.CloseIdleConnections()
	return c
}

// measure counts the bytes of a publish that is left alone.
func (b *bucketBench) measure(t *testing.T) (total [2]int64) {
	t.Helper()
	proxy := testserver.CutProxy(t, b.server.Addr)
	if c := b.publish(t, proxy, testserver.Cut{After: -1}); c.err != nil {
		t.Fatal(c)
	}
	traffic := proxy.Traffic(t)
	if len(traffic) != 1 {
		t.Fatalf("%d connections", len(traffic))
	}
	return traffic[0].Bytes
}

// try cuts the connection of one publish.
func (b *bucketBench) try(t *testing.T, cut testserver.Cut) {
	t.Helper()
	proxy := testserver.CutProxy(t, b.server.Addr)
	c := b.publish(t, proxy, cut)
	b.check(t, c)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = append(b.done, c)
	if proxy.Traffic(t)[0].Cut {
		b.tally[c.claims()]++
	} else {
		b.tally["over before the cut"]++
	}
}

// check compares what was said with what devices get.
func (b *bucketBench) check(t *testing.T, c bucketCase) {
	t.Helper()
	s := bucket(t, b.server, c.prefix, nil)
	defer s.Close()
	live, err := storetest.Device(storetest.FetchStore(t.Context(), s), string(project), releases(layout.Prefix, "v1.0.0", "v1.1.0"))
	if err != nil {
		t.Errorf("devices: %v\n%v", err, c)
	}
	if !agrees(c.claims(), c.cut, live) {
		t.Errorf("%s is live; %v", live, c)
	}
}

// again publishes once more, without a cut.
func (b *bucketBench) again(t *testing.T, c bucketCase) {
	t.Helper()
	s := bucket(t, b.server, c.prefix, nil)
	defer s.Close()
	mustPublish(t, s, layout.Prefix, "v1.1.0", 9)
	wantLive(t, s, layout.Prefix, "v1.1.0")
}
