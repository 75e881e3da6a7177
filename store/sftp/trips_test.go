package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store/posix"
	"golang.org/x/sync/errgroup"
)

func port(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	try(t, err)
	n, err := strconv.Atoi(text)
	try(t, err)
	return n
}

// relayed connects through a relay that counts trips.
func relayed(t *testing.T) (*FS, *testserver.TripCounter) {
	t.Helper()
	s := testserver.Sshd(t, testserver.SshdOptions{})
	relay := testserver.Relay(t, s.Addr, 25*time.Millisecond)
	to, cfg := target(t, s), usable(t, s, Config{HostKey: s.Fingerprint()})
	to.Port = port(t, relay.Addr)
	if os.Geteuid() == 0 {
		to.Path = testserver.SmallDisk(t, 16<<20) // a slow fsync would look like a trip
	}
	f, err := Dial(t.Context(), to, cfg)
	try(t, err)
	t.Cleanup(func() { try(t, f.Close()) })
	return f, relay
}

// hundred does something a hundred times at once.
func hundred(do func(i int) error) error {
	var g errgroup.Group
	for i := range 100 {
		g.Go(func() error { return do(i) })
	}
	return g.Wait()
}

// A step is an operation on files that belong to one run.
type step struct {
	name string
	most int // trips
	do   func(ctx context.Context, f *FS, dir string) error
}

// steps follow one another. The comments of the operations promise these numbers.
var steps = []step{
	{"mkdir", 2, func(ctx context.Context, f *FS, dir string) error { return f.Mkdir(ctx, dir, 0o755) }},
	{"write", 2, func(ctx context.Context, f *FS, dir string) error {
		return f.Write(ctx, dir+"/a", 0o644, []byte("text"))
	}},
	{"write 100", 2, func(ctx context.Context, f *FS, dir string) error {
		return hundred(func(i int) error { return f.Write(ctx, fmt.Sprintf("%s/f%d", dir, i), 0o644, []byte("text")) })
	}},
	{"sync, nothing placed", 0, func(ctx context.Context, f *FS, dir string) error { return f.Sync(ctx, dir) }},
	{"place", 1, func(ctx context.Context, f *FS, dir string) error { return f.Place(ctx, dir+"/a", dir+"-final") }},
	{"sync", 1, func(ctx context.Context, f *FS, _ string) error { return f.Sync(ctx, ".") }},
	{"place, taken", 2, func(ctx context.Context, f *FS, dir string) error {
		_ = f.Place(ctx, dir+"/f0", dir+"-final")
		return nil
	}},
	{"place 100", 1, func(ctx context.Context, f *FS, dir string) error {
		return hundred(func(i int) error {
			return f.Place(ctx, fmt.Sprintf("%s/f%d", dir, i), fmt.Sprintf("%s-final%d", dir, i))
		})
	}},
	{"read", 2, func(ctx context.Context, f *FS, dir string) error {
		_, err := f.Read(ctx, dir+"-final", 100)
		return err
	}},
	{"read 100", 2, func(ctx context.Context, f *FS, dir string) error {
		return hundred(func(i int) error { _, err := f.Read(ctx, fmt.Sprintf("%s-final%d", dir, i), 100); return err })
	}},
	{"stream", 2, func(ctx context.Context, f *FS, dir string) error { return f.Stream(ctx, dir+"-final", 4, io.Discard) }},
	{"stream 100", 2, func(ctx context.Context, f *FS, dir string) error {
		return hundred(func(i int) error { return f.Stream(ctx, fmt.Sprintf("%s-final%d", dir, i), 4, io.Discard) })
	}},
	{"list 101", 2, func(ctx context.Context, f *FS, dir string) error { _, err := f.ReadDir(ctx, dir); return err }},
	{"stat", 1, func(ctx context.Context, f *FS, dir string) error { _, err := f.Stat(ctx, dir); return err }},
	{"replace", 1, func(ctx context.Context, f *FS, dir string) error { return f.Replace(ctx, dir+"/f1", "version") }},
	{"remove", 1, func(ctx context.Context, f *FS, dir string) error { return f.Remove(ctx, dir+"-final") }},
	{"remove, absent", 2, func(ctx context.Context, f *FS, dir string) error { _ = f.Remove(ctx, dir+"-final"); return nil }},
	{"place a folder", 1, func(ctx context.Context, f *FS, dir string) error { return f.Place(ctx, dir, dir+"-claim") }},
	{"fill 100", 2, func(ctx context.Context, f *FS, dir string) error {
		var files []posix.File
		for i := range 100 {
			files = append(files, posix.File{Name: fmt.Sprint(i), Mode: 0o644, Content: text("text")})
		}
		return f.Fill(ctx, dir+"-fill", files)
	}},
	{"in order", 1, func(ctx context.Context, f *FS, dir string) error {
		return errors.Join(f.InOrder(ctx, posix.Step{Do: posix.Remove, Name: dir + "-fill/0"}, posix.Step{Do: posix.Remove, Name: dir + "-fill/1"},
			posix.Step{Do: posix.Place, Old: dir + "-fill/2", Name: dir + "-fill2"},
			posix.Step{Do: posix.Replace, Old: dir + "-fill/3", Name: "version"})...)
	}},
	{"check", 0, func(ctx context.Context, f *FS, _ string) error { return f.Check(ctx, ".") }},
}

// TestTrips counts the round trips that each operation takes one after the other. Load can only make a count too high,
// so the least of a few runs counts.
func TestTrips(t *testing.T) {
	f, relay := relayed(t)
	if n := relay.Trips(); n > 8 {
		t.Errorf("connecting takes %d trips", n)
	}
	t.Logf("connect: %d", relay.Trips())
	s, err := f.live(t.Context())
	try(t, err)
	try(t, s.ready(t.Context()))
	least := map[string]int{}
	for run := range 5 {
		tooMany := false
		for _, s := range steps {
			until(t, "nothing is under way", func() bool { f.gate.mu.Lock(); defer f.gate.mu.Unlock(); return f.gate.inside <= len(f.changes.dirs) })
			relay.Reset()
			try(t, s.do(t.Context(), f, fmt.Sprintf("d%d", run)))
			if n, ok := least[s.name]; !ok || relay.Trips() < n {
				least[s.name] = relay.Trips()
			}
			tooMany = tooMany || least[s.name] > s.most
		}
		if !tooMany {
			break
		}
	}
	for _, s := range steps {
		t.Logf("%s: %d", s.name, least[s.name])
		if least[s.name] > s.most {
			t.Errorf("%s takes %d trips, not %d", s.name, least[s.name], s.most)
		}
	}
}
