package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// testFirstAnywhere has a trial make the folders of a new project before any step of the first publish to it, and remove them
// before any later one, as far as nothing is in them: the publish does not notice.
func testFirstAnywhere(t *testing.T, fresh Fresh[posix.FS]) {
	const last = 7 // by then the publisher's own are in them
	for name, do := range map[string]change{"create and commit": createAndCommit, "planned meanwhile": commitPlanned} {
		for _, flights := range []bool{false, true} {
			for gone := 2; gone <= last; gone++ {
				for made := 1; made < gone; made++ {
					firstOn(t, &vanishing{T: t, made: made, gone: gone, flights: flights}, fresh(t), do)
					if t.Failed() {
						t.Fatalf("... %s, in flights: %v, made before step %d, gone before step %d", name, flights, made, gone)
					}
				}
			}
		}
	}
}

func firstOn(t *testing.T, v *vanishing, open func(*testing.T) posix.FS, do change) {
	t.Helper()
	v.tree = session(t, open)
	s := session(t, func(t *testing.T) *posix.Store { return posix.New(v.tap(open(t))) })
	objects := append(release("v1.0.0", 2, "data"), object("demo/v1.0.0/manifest", "data"))
	c, err := plan(t.Context(), s, "v1.0.0\n")
	if err == nil {
		err = do(t.Context(), s, c, objects)
	}
	if err != nil {
		t.Error(err)
	}
	wantContent(t, s, append(objects, store.Object{Name: c.Pointer(), Data: c.Next})...)
}

// A vanishing project is there for some steps of somebody else.
type vanishing struct {
	*testing.T
	tree       posix.FS
	made, gone int  // before which steps
	flights    bool // if the other one's folder tree has flights, they are steps

	mu    sync.Mutex
	count int
	mine  []string // folders that were made here, outermost first
}

func (v *vanishing) tap(tree posix.FS) posix.FS {
	tap := &tapped{FS: tree, look: func() error { return nil }, write: func(ctx context.Context, s step) error {
		v.before()
		return s.run(ctx)
	}}
	if p, ok := tree.(posix.Pipeliner); ok && v.flights {
		return &pipelined{tap, p, v.expected}
	}
	return tap
}

func (v *vanishing) before() {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch v.count++; v.count {
	case v.made:
		for _, dir := range []string{"demo", "demo/.otactl"} {
			if v.tree.Mkdir(v.Context(), dir, 0o755) == nil {
				v.mine = append(v.mine, dir)
			}
		}
	case v.gone:
		for _, dir := range slices.Backward(v.mine) {
			_ = v.tree.Remove(v.Context(), dir) // there may be something in it
		}
	}
}

// expected is called when folders are about to be opened, for the sake of what will be placed there: not folders that may be
// removed and made again before that.
func (v *vanishing) expected() {
	if v.tree.Remove(v.Context(), "demo/.otactl") == nil {
		v.Error("folders are opened that may still vanish")
	}
}
