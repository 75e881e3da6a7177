package storetest

import (
	"context"
	"io/fs"
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
	for _, kind := range []Kind{Dies, FailsOnce} {
		for _, when := range []When{Before, After, Torn} {
			for n := 1; ; n++ {
				fault, past := oneFault(t, fresh(t), sc, Faulty(nil, n, when, kind))
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
func oneFault(t *testing.T, open func(*testing.T) posix.FS, sc Scenario, faulty *FaultyFS) (fault, past bool) {
	t.Helper()
	tree := open(t)
	clean := posix.New(tree)
	defer func() { _ = clean.Close() }()
	if sc.Setup != nil {
		sc.Setup(t, clean)
	}
	faulty.FS = open(t)
	broken := posix.New(faulty)
	err := sc.Act(t.Context(), broken)
	_ = broken.Close() // waits for what goes on in the background
	fault, past = faulty.Fault() != "", faulty.Count() < faulty.n

	check := func(done bool) {
		sc.Check(t, clean)
		if done {
			sc.Done(t, clean)
		}
		wantReadable(t, tree)
	}
	check(err == nil)
	if !fault && err != nil {
		t.Errorf("without a fault: %v", err)
	}
	if t.Failed() {
		t.Errorf("... after the first run; %s; it returned: %v", faulty.Fault(), err)
		return fault, past
	}
	again := sc.Act(t.Context(), clean)
	if again != nil {
		t.Errorf("second run: %v", again)
	}
	check(again == nil)
	if t.Failed() {
		t.Errorf("... after the second run; %s; the first returned: %v", faulty.Fault(), err)
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
