package proofs

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
)

// changes is how many publishes, rollbacks and activations devices are watched through.
const changes = 200

// Devices that ask as fast as they can never get a missing, empty, torn, forbidden or mixed answer, whatever is published
// and rolled back meanwhile.
func TestLive(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   layout.Kind
		target func(t *testing.T) (root string, s store.Store)
	}{
		{"local", layout.Prefix, func(t *testing.T) (string, store.Store) {
			root := t.TempDir()
			return root, open(t, localTree(t, root))
		}},
		{"sshd", layout.Directory, onSshd("")},
		{"sshd umask 077", layout.Prefix, onSshd("-u 077")},
	} {
		t.Run(test.name, func(t *testing.T) {
			root, s := test.target(t)
			if strings.Contains(test.name, "umask") {
				wantUmask(t, s, root)
			}
			mustPublish(t, s, test.kind, "v1.0.0", 1)
			w := watch(t, root, test.kind)
			change(t, s, test.kind, w)
			w.stop(t)
		})
	}
}

func onSshd(args string) func(t *testing.T) (string, store.Store) {
	return func(t *testing.T) (string, store.Store) {
		server := testserver.Sshd(t, testserver.SshdOptions{Subsystem: testserver.SFTPServerPath(t) + " " + args})
		s := dial(t, server, server.Addr, server.Root)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return server.Root, s
	}
}

// wantUmask makes sure that the server has the umask that the test is about: what is made without a mode is private.
func wantUmask(t *testing.T, s store.Store, root string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(root, "umask"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), []store.Object{{Name: "umask/a", Data: []byte("a")}}); err != nil {
		t.Fatal(err)
	}
}

// change makes a new tag live, goes back, further back, forward, and publishes the next.
func change(t *testing.T, s store.Store, kind layout.Kind, w *watcher) {
	t.Helper()
	var err error
	steps := map[string]int{}
	for n := range changes {
		newest, before := fmt.Sprintf("v1.%d.0", n/4+1), fmt.Sprintf("v1.%d.0", n/4)
		r := rollback.Request{Project: project, Who: on(9)}
		switch n % 4 {
		case 0:
			steps["publish"]++
			_, err = publish.Run(t.Context(), s, request(t, kind, newest, 9))
		case 1:
			steps["rollback"]++
			r.Tag = tag(t, before)
			_, err = rollback.Run(t.Context(), s, r)
		case 2:
			steps["activate"]++
			r.Tag = tag(t, newest)
			_, err = rollback.Activate(t.Context(), s, r)
		case 3:
			steps["stage"]++
			staged := request(t, kind, fmt.Sprintf("v1.%d.0", n/4+2), 9)
			staged.NoActivate = true
			_, err = publish.Run(t.Context(), s, staged)
		}
		if err != nil {
			t.Fatalf("change %d: %v", n, err)
		}
		w.next(t)
	}
	t.Logf("%v", steps)
}

// A watcher is some devices that ask without a pause.
type watcher struct {
	root    string
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	polls   atomic.Int64 // of version alone
	updates atomic.Int64 // of version and all files
	mu      sync.Mutex
	seen    map[string]int
	errs    []error
}

// watch starts devices behind a web server on root. Half of them only ask for version, as most devices do most of the time.
func watch(t *testing.T, root string, kind layout.Kind) *watcher {
	t.Helper()
	w := watchAt(t, testserver.Nginx(t, root), kind)
	w.root = root
	return w
}

// watchAt starts devices that ask a server.
func watchAt(t *testing.T, base string, kind layout.Kind) *watcher {
	t.Helper()
	w := &watcher{seen: map[string]int{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	t.Cleanup(w.cancel)
	names := slices.Sorted(maps.Keys(content("")))
	device := testserver.Device{Base: base, Project: project, Kind: kind, Files: names}
	for range 2 {
		w.ask(&w.updates, func() (string, error) { return update(device) })
		w.ask(&w.polls, func() (string, error) {
			tag, err := device.Poll()
			return tag.String(), err
		})
	}
	return w
}

// update fetches a release and compares every byte.
func update(d testserver.Device) (string, error) {
	tag, contents, err := d.Update()
	if err != nil {
		return tag.String(), err
	}
	want := content(tag.String())
	for i, name := range d.Files {
		if !bytes.Equal(contents[i], []byte(want[name])) {
			return tag.String(), fmt.Errorf("%s is live: %s holds %q", tag, name, contents[i])
		}
	}
	return tag.String(), nil
}

func (w *watcher) ask(count *atomic.Int64, question func() (string, error)) {
	w.running.Go(func() {
		for w.ctx.Err() == nil {
			tag, err := question()
			w.mu.Lock()
			w.seen[tag]++
			if err != nil {
				w.errs = append(w.errs, err)
			}
			w.mu.Unlock()
			if err != nil {
				w.cancel()
				return
			}
			count.Add(1)
		}
	})
}

// next returns when a device has seen the whole change, or another one has seen something wrong.
func (w *watcher) next(t *testing.T) {
	t.Helper()
	seen := w.updates.Load()
	if !until(func() bool { return w.updates.Load() >= seen+2 || w.ctx.Err() != nil }) {
		t.Fatal("devices get no answers")
	}
}

// stop ends the watch and says what the devices got.
func (w *watcher) stop(t *testing.T) {
	t.Helper()
	for _, err := range w.end() {
		t.Error(err)
	}
	t.Logf("%d polls and %d whole updates, %d releases seen", w.polls.Load(), w.updates.Load(), len(w.seen))
}

func (w *watcher) end() []error {
	w.cancel()
	w.running.Wait()
	return w.errs
}
