package proofs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/otactl/otactl/inspect"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/storetest"
	"github.com/otactl/otactl/verify"
)

// entriesPerRelease is how many changes there were for each release: publishing it, and going back and forth.
const entriesPerRelease = 5

// history makes a project of releases of n files each, and of its log.
func history(t testing.TB, dir string, releases, n int) {
	t.Helper()
	stock(t, dir, releases, n)
	seesaw(t, dir, releases-2, releases*(entriesPerRelease-1))
}

// A reading is a command that changes nothing.
type reading struct {
	name string
	act  func(context.Context, store.Store) error
}

func readings() []reading {
	return []reading{
		{"status", func(ctx context.Context, s store.Store) error {
			_, err := inspect.Run(ctx, s, project)
			return err
		}},
		{"list", func(ctx context.Context, s store.Store) error {
			_, err := inspect.List(ctx, s, project)
			return err
		}},
		{"log", func(ctx context.Context, s store.Store) error {
			_, err := inspect.Log(ctx, s, project, 0)
			return err
		}},
		{"verify --all", func(ctx context.Context, s store.Store) error {
			report, err := verify.Run(ctx, s, verify.Request{Project: project, All: true})
			if err == nil && len(report.Differences) > 0 {
				err = fmt.Errorf("%v", report.Differences)
			}
			return err
		}},
	}
}

// looks counts what a command asks of a folder tree.
func looks(t *testing.T, dir string, r reading) int {
	t.Helper()
	tree, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	counted := storetest.Lost(tree, math.MaxInt)
	s := posix.New(counted)
	if err := errors.Join(r.act(t.Context(), s), s.Close()); err != nil {
		t.Fatal(err)
	}
	return counted.Looks()
}

// What a command asks of the server grows at most in proportion to what is there: from 16 to 32 releases by no more than twice
// what it grows by from 8 to 16. Calls are counted, which does not depend on the machine.
func TestHistoryIsLinear(t *testing.T) {
	sizes := []int{8, 16, 32}
	counts := map[string][]int{}
	for _, releases := range sizes {
		dir := t.TempDir()
		history(t, dir, releases, 3)
		for _, r := range readings() {
			counts[r.name] = append(counts[r.name], looks(t, dir, r))
		}
	}
	for name, n := range counts {
		t.Logf("%s: %v calls with %v releases", name, n, sizes)
		if n[0] == 0 || n[2]-n[1] > 2*(n[1]-n[0]) {
			t.Errorf("%s: %v calls with %v releases", name, n, sizes)
		}
	}
}

// BenchmarkHistory shows the same on a large project, which ends up with 200 releases of 50 files and 1,000 log entries: times
// on this machine, and trips over SFTP.
func BenchmarkHistory(b *testing.B) {
	for _, releases := range []int{25, 50, 100, 200} {
		relayed := newBench(b)
		history(b, relayed.dir, releases, 50)
		for _, r := range readings() {
			b.Run(fmt.Sprintf("%s/%d", r.name, releases), func(b *testing.B) {
				s := openLocal(b, relayed.dir)
				for b.Loop() {
					if err := r.act(b.Context(), s); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(relayed.tripsOnce(func(s store.Store) error { return r.act(b.Context(), s) })), "trips")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
