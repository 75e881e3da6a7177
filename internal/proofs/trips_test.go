package proofs

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
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

// What a command over SFTP costs in sequential round trips at most, login included, on a project with 100 log entries and 50
// releases.
const (
	publishTrips  = 15
	rollbackTrips = 16 // to a tag
	undoTrips     = 17 // without one
	statusTrips   = 14
)

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
	return &bench{TB: t, server: server, relay: testserver.Relay(t, server.Addr, hold), dir: t.TempDir()}
}

// trips counts those of a session in which act is done, login included. It is the least of three runs: load can only make
// it too high.
func (b *bench) trips(act func(store.Store) error) int {
	b.Helper()
	return min(b.tripsOnce(act), b.tripsOnce(act), b.tripsOnce(act))
}

func (b *bench) tripsOnce(act func(store.Store) error) int {
	b.Helper()
	b.runs++
	b.relay.Reset()
	s := dial(b, b.server, b.relay.Addr, b.dir)
	if err := errors.Join(act(s), s.Close()); err != nil {
		b.Fatal(err)
	}
	return b.relay.Trips()
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

// rollback counts the trips of a rollback without a tag.
func (b *bench) rollback() int {
	return b.trips(func(s store.Store) error {
		_, err := rollback.Run(b.Context(), s, rollback.Request{Project: project, Who: on(9)})
		return err
	})
}

// rollbackTo counts the trips of a rollback to a tag, each time to a lower one.
func (b *bench) rollbackTo() int {
	lower := 48
	return b.trips(func(s store.Store) error {
		lower--
		_, err := rollback.Run(b.Context(), s, rollback.Request{Project: project, Tag: tag(b, fmt.Sprintf("v1.0.%d", lower)), Who: on(9)})
		return err
	})
}

func (b *bench) status() int {
	return b.trips(func(s store.Store) error {
		_, err := inspect.Run(b.Context(), s, project)
		return err
	})
}

// count counts the trips of each command on a project with 50 releases and as many log entries.
func (b *bench) count(entries int) map[string]int {
	grow(b, b.dir, 0, 25)
	seesaw(b, b.dir, 23, entries-51)
	grow(b, b.dir, 25, 50)
	return map[string]int{
		"publish 2": b.publish(2), "publish 10": b.publish(10), "publish 100": b.publish(100),
		"rollback TAG": b.rollbackTo(), "rollback": b.rollback(), "status": b.status(),
	}
}

// Commands over SFTP cost few trips, and no more of them for more files or a longer history.
func TestTrips(t *testing.T) {
	want := map[string]int{
		"publish 2": publishTrips, "publish 10": publishTrips, "publish 100": publishTrips,
		"rollback TAG": rollbackTrips, "rollback": undoTrips, "status": statusTrips,
	}
	for _, entries := range []int{100, 300} {
		got := newBench(t).count(entries)
		t.Logf("%d log entries: %v", entries, got)
		for command, most := range want {
			if got[command] > most {
				t.Errorf("%s with %d log entries: %d trips, want at most %d", command, entries, got[command], most)
			}
		}
	}
}

// BenchmarkTrips reports trips, which do not depend on the machine. The time that it shows is that of the relay.
func BenchmarkTrips(b *testing.B) {
	for b.Loop() {
		for command, n := range newBench(b).count(100) {
			b.ReportMetric(float64(n), strings.ReplaceAll(command, " ", "-")+"-trips")
		}
	}
}

// BenchmarkStart is how long otactl --version takes.
func BenchmarkStart(b *testing.B) {
	path := binary(b)
	for b.Loop() {
		b.ReportMetric(float64(startTime(b, path).Microseconds())/1000, "ms")
	}
}

// grow publishes releases of two files each, v1.0.<lo> to below v1.0.<hi>.
func grow(t testing.TB, dir string, lo, hi int) {
	t.Helper()
	s := openLocal(t, dir)
	defer s.Close()
	for i := lo; i < hi; i++ {
		text := fmt.Sprintf("v1.0.%d", i)
		r := request(t, layout.Prefix, text, 1)
		r.Set, r.AllowDowngrade = set(files(2, text)), true
		if _, err := publish.Run(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
	}
}

// seesaw makes n more log entries: it goes back and forth between v1.0.<lower> and the next one, which is live.
func seesaw(t testing.TB, dir string, lower, n int) {
	t.Helper()
	s := openLocal(t, dir)
	defer s.Close()
	for i := range n {
		r := rollback.Request{Project: project, Tag: tag(t, fmt.Sprintf("v1.0.%d", lower+i%2)), Who: on(2)}
		act := rollback.Run
		if i%2 == 1 {
			act = rollback.Activate
		}
		if _, err := act(t.Context(), s, r); err != nil {
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
