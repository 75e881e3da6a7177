package storetest

import (
	"context"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// A Scenario is something that must be able to stop anywhere.
type Scenario struct {
	// Setup makes what is there before. It may be nil.
	Setup func(t *testing.T, s store.Store)
	// Act is what is stopped. It is called again, on another session and without a fault, and must then succeed.
	Act func(ctx context.Context, s store.Store) error
	// Check is called after every fault and after every success: devices see a whole release, the old one or the new one.
	Check func(t *testing.T, s store.Store)
	// Done is called whenever Act has returned nil: it did what it is for.
	Done func(t *testing.T, s store.Store)
}

// EveryFault runs a scenario once for each step of Act, each [When] and each [Kind], on a new root each time. It returns the
// number of faults. Whatever happens, what devices fetch is readable for a web server.
func EveryFault(t *testing.T, fresh Fresh[posix.FS], sc Scenario) (faults int) {
	t.Helper()
	return everyFault(t, sc, func(n int, when When, kind Kind) bench {
		open := fresh(t)
		tree, faulty := open(t), Faulty(open(t), n, when, kind)
		return bench{
			clean: posix.New(tree), broken: posix.New(faulty), fault: &faulty.fault,
			readable: func(t *testing.T) { t.Helper(); wantReadable(t, tree) },
		}
	})
}

// EveryLostRequest is EveryFault for stores that send requests, each by a transport of its own.
func EveryLostRequest(t *testing.T, fresh Fresh[Requests], sc Scenario) (faults int) {
	t.Helper()
	return everyFault(t, sc, func(n int, when When, kind Kind) bench {
		open := fresh(t)(t)
		faulty := FaultyRequests(n, when, kind)
		broken := open(func(wire http.RoundTripper) http.RoundTripper { faulty.RoundTripper = wire; return faulty })
		clean := open(func(wire http.RoundTripper) http.RoundTripper { return wire })
		return bench{clean: clean, broken: broken, fault: &faulty.fault, readable: func(*testing.T) {}}
	})
}

// Requests opens a session whose requests are carried by what a tap makes of what would carry them.
type Requests func(tap func(http.RoundTripper) http.RoundTripper) store.Store

// A bench is a root, with a session on it that works and one that stops somewhere.
type bench struct {
	clean, broken store.Store
	fault         *fault
	readable      func(t *testing.T) // checks that a web server may read all that devices ask for
}

func everyFault(t *testing.T, sc Scenario, bench func(n int, when When, kind Kind) bench) (faults int) {
	t.Helper()
	for _, kind := range []Kind{Dies, FailsOnce} {
		for _, when := range []When{Before, After, Torn} {
			for n := 1; ; n++ {
				fault, past := oneFault(t, bench(n, when, kind), sc)
				if fault {
					faults++
				}
				if t.Failed() {
					return faults
				}
				if past {
					break
				}
			}
		}
	}
	return faults
}

// oneFault reports whether Act was stopped, and whether its steps ended before that one.
func oneFault(t *testing.T, b bench, sc Scenario) (fault, past bool) {
	t.Helper()
	defer func() { _ = b.clean.Close() }()
	if sc.Setup != nil {
		sc.Setup(t, b.clean)
	}
	err := sc.Act(t.Context(), b.broken)
	_ = b.broken.Close() // waits for what goes on in the background
	fault, past = b.fault.Fault() != "", b.fault.past()

	check := func(done bool) {
		sc.Check(t, b.clean)
		if done {
			sc.Done(t, b.clean)
		}
		b.readable(t)
	}
	check(err == nil)
	if !fault && err != nil {
		t.Errorf("without a fault: %v", err)
	}
	if t.Failed() {
		t.Errorf("... after the first run; %s; it returned: %v", b.fault.Fault(), err)
		return fault, past
	}
	again := sc.Act(t.Context(), b.clean)
	if again != nil {
		t.Errorf("second run: %v", again)
	}
	check(again == nil)
	if t.Failed() {
		t.Errorf("... after the second run; %s; the first returned: %v", b.fault.Fault(), err)
	}
	return fault, past
}

// wantReadable checks that a web server, which runs as another user, may read all that devices ask for.
func wantReadable(t *testing.T, tree posix.FS) {
	t.Helper()
	walk(t, tree, ".", func(name string, mode fs.FileMode) {
		// A project folder with nothing in it but .otactl may still wait for its mode.
		if want := fs.FileMode(0o644); mode.IsRegular() && mode&want != want {
			t.Errorf("%s has mode %v: a web server cannot read it", name, mode)
		}
		for dir := path.Dir(name); mode.IsRegular() && dir != "."; dir = path.Dir(dir) {
			info, err := tree.Stat(t.Context(), dir)
			if err != nil || info.Mode&0o755 != 0o755 {
				t.Errorf("%s has mode %v, %v: a web server cannot read %s", dir, info.Mode, err, name)
			}
		}
	})
}

// walk visits what is below a folder, except what starts with a dot.
func walk(t *testing.T, tree posix.FS, dir string, visit func(name string, mode fs.FileMode)) {
	t.Helper()
	infos, err := tree.ReadDir(t.Context(), dir)
	if err != nil {
		t.Errorf("list %q: %v", dir, err)
	}
	for _, info := range infos {
		if strings.HasPrefix(info.Name, ".") {
			continue
		}
		name := path.Join(dir, info.Name)
		visit(name, info.Mode)
		if info.Mode.IsDir() {
			walk(t, tree, name, visit)
		}
	}
}
