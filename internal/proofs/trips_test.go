package proofs

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/otactl/otactl/inspect"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
)

// maxTrips is what a publish over SFTP may cost in sequential round trips, login included.
const maxTrips = 34

// hold is how long the relay holds bytes: long enough for everything to be sent that can be sent without waiting.
const hold = 10 * time.Millisecond

// dial opens a store on a folder of a server that is reached at addr.
func dial(t testing.TB, server *testserver.SSH, addr, dir string) store.Store {
	t.Helper()
	target, err := sftp.ParseURL((&url.URL{Scheme: "sftp", User: url.User(server.User), Host: addr, Path: dir}).String())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := sftp.Dial(t.Context(), target, sftp.Config{HostKey: server.Fingerprint(), Identity: server.ClientKey})
	if err != nil {
		t.Fatal(err)
	}
	return posix.New(tree)
}

// files makes n small files.
func files(n int, text string) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprintf("file%03d.py", i)] = fmt.Sprintf("# %d of %s\n", i, text)
	}
	return m
}

// A bench is a project on a real sshd, behind a relay that counts the trips of each command.
type bench struct {
	testing.TB
	server *testserver.SSH
	relay  *testserver.TripCounter
	dir    string
	runs   int // so far; each publish has a tag of its own
}

func newBench(t testing.TB) *bench {
	server := testserver.Sshd(t, testserver.SshdOptions{})
	return &bench{TB: t, server: server, relay: testserver.Relay(t, server.Addr, hold), dir: memoryDir(t)}
}

// trips counts those of a session in which act is done, login included. It is the least of three runs: load can only make
// it too high.
func (b *bench) trips(act func(store.Store) error) int {
	b.Helper()
	var counts []int
	for range 3 {
		b.runs++
		b.relay.Reset()
		s := dial(b, b.server, b.relay.Addr, b.dir)
		if err := errors.Join(act(s), s.Close()); err != nil {
			b.Fatal(err)
		}
		counts = append(counts, b.relay.Trips())
	}
	return slices.Min(counts)
}

// publish counts the trips of a publish of n small files.
func (b *bench) publish(n int) int {
	return b.trips(func(s store.Store) error {
		text := fmt.Sprintf("v100.0.%d", b.runs)
		r := request(b, layout.Prefix, text, 9)
		r.Set = set(files(n, text))
		_, err := publish.Run(b.Context(), s, r)
		return err
	})
}

func (b *bench) rollback() int {
	return b.trips(func(s store.Store) error {
		_, err := rollback.Run(b.Context(), s, rollback.Request{Project: project, Who: on(9)})
		return err
	})
}

func (b *bench) status() int {
	return b.trips(func(s store.Store) error {
		_, err := inspect.Run(b.Context(), s, project)
		return err
	})
}

// A publish over SFTP costs few trips, and no more of them for more files, a longer history or more old releases.
func TestTrips(t *testing.T) {
	b := newBench(t)
	var all []int
	for _, history := range []int{0, 200} {
		grow(t, b.dir, history)
		for _, n := range []int{2, 10, 100} {
			trips := b.publish(n)
			t.Logf("publish %3d files after %3d releases: %d trips", n, history, trips)
			all = append(all, trips)
		}
	}
	if least, most := slices.Min(all), slices.Max(all); most > maxTrips || most-least > 6 {
		t.Errorf("from %d to %d trips, want at most %d, and at most 6 apart", least, most, maxTrips)
	}
}

// BenchmarkTrips counts trips, which do not depend on the machine. The time that it shows is that of the relay.
func BenchmarkTrips(b *testing.B) {
	bench := newBench(b)
	grow(b, bench.dir, 100)
	for _, c := range []struct {
		name  string
		count func() int
	}{
		{"publish-2", func() int { return bench.publish(2) }},
		{"publish-10", func() int { return bench.publish(10) }},
		{"publish-100", func() int { return bench.publish(100) }},
		{"rollback", bench.rollback},
		{"status", bench.status},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(c.count()), "trips")
			}
		})
	}
}

// BenchmarkStart is how long otactl --version takes.
func BenchmarkStart(b *testing.B) {
	path := binary(b)
	for b.Loop() {
		b.ReportMetric(float64(startTime(b, path).Microseconds())/1000, "ms")
	}
}

// grow brings a project to a history of n publishes of two files each.
func grow(t testing.TB, dir string, n int) {
	t.Helper()
	s := openLocal(t, dir)
	defer s.Close()
	for i := range n {
		text := fmt.Sprintf("v1.0.%d", i)
		r := request(t, layout.Prefix, text, 1)
		r.Set, r.AllowDowngrade = set(files(2, text)), true
		if _, err := publish.Run(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
	}
}

func openLocal(t testing.TB, dir string) store.Store {
	t.Helper()
	tree, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return posix.New(tree)
}

// memoryDir is a new folder where fsync costs nothing, if there is such a place.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "otactl-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
