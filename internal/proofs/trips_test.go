package proofs

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

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
	tree, err := sftp.Dial(context.Background(), target, sftp.Config{HostKey: server.Fingerprint(), Identity: server.ClientKey})
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

// A publish over SFTP costs few trips, and no more of them for more files, a longer history or more old releases.
func TestTrips(t *testing.T) {
	server := testserver.Sshd(t, testserver.SshdOptions{})
	relay := testserver.Relay(t, server.Addr, hold)
	dir := memoryDir(t)
	var all []int
	for _, history := range []int{0, 100} {
		grow(t, dir, history)
		for _, n := range []int{2, 10, 100} {
			trips := leastOf(3, func(run int) int {
				text := fmt.Sprintf("v%d.%d.%d", 100+history, n, run)
				relay.Reset()
				s := dial(t, server, relay.Addr, dir)
				r := request(t, layout.Prefix, text, 9)
				r.Set = set(files(n, text))
				if _, err := publish.Run(t.Context(), s, r); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return relay.Trips()
			})
			t.Logf("publish %3d files after %3d changes: %d trips", n, history, trips)
			all = append(all, trips)
		}
	}
	if least, most := slices.Min(all), slices.Max(all); most > maxTrips || most-least > 6 {
		t.Errorf("from %d to %d trips, want at most %d, and at most 6 apart", least, most, maxTrips)
	}
	relay.Reset()
	s := dial(t, server, relay.Addr, dir)
	if _, err := rollback.Run(t.Context(), s, rollback.Request{Project: project, Tag: tag(t, "v200.2.0"), Who: on(9)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("rollback: %d trips", relay.Trips())
}

// grow brings a project to a history of n publishes of two files each.
func grow(t *testing.T, dir string, n int) {
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

func openLocal(t *testing.T, dir string) store.Store {
	t.Helper()
	tree, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return posix.New(tree)
}

// memoryDir is a new folder where fsync costs nothing, if there is such a place.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "otactl-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// leastOf runs f n times and returns the least result: load can only make a count of trips too high.
func leastOf(n int, f func(run int) int) int {
	var results []int
	for run := range n {
		results = append(results, f(run))
	}
	return slices.Min(results)
}
