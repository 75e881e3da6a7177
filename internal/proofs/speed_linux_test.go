package proofs

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/otactl/otactl/store"
)

// slower is how much longer a publish into a local folder may take than cp and sync of the same files.
const slower = 1.3

// BenchmarkLocalSpeed fails if a change with 1,000 small files in a local folder, with all guarantees, takes much longer than
// copying them and waiting for the disk. Both are done in turn, so that what others do on the machine meets both, and the median
// of the pairs counts. (The publisher takes no more than 500 files in a release; a store has no such limit.)
func BenchmarkLocalSpeed(b *testing.B) {
	for b.Loop() {
		pairs := localSpeed(b)
		slices.SortFunc(pairs, func(p, q pair) int { return cmp.Compare(p.times(), q.times()) })
		m := pairs[len(pairs)/2]
		b.ReportMetric(float64(m.copying.Microseconds())/1000, "cp-ms")
		b.ReportMetric(float64(m.publishing.Microseconds())/1000, "publish-ms")
		b.ReportMetric(m.times(), "times")
		if m.times() > slower {
			b.Errorf("publish takes %.2f times as long as cp and sync, want at most %v", m.times(), slower)
		}
	}
}

// A pair is what it took to copy the files, and to publish them right after.
type pair struct{ copying, publishing time.Duration }

func (p pair) times() float64 { return float64(p.publishing) / float64(p.copying) }

// pairsOfSpeed is odd, so that one of them is the median.
const pairsOfSpeed = 11

func localSpeed(b *testing.B) (pairs []pair) {
	dir, err := os.MkdirTemp(buildDir, "speed.") // on disk, which is what both wait for
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s := openLocal(b, mkdir(b, dir, "root"))
	defer s.Close()
	from, content := mkdir(b, dir, "from"), files(1000, "a release")
	for name, data := range content {
		if err := os.WriteFile(filepath.Join(from, name), []byte(data), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for run := range pairsOfSpeed {
		to, c := filepath.Join(dir, fmt.Sprint("to", run)), additions(run+1, content)
		pairs = append(pairs, pair{
			copying: timed(func() { command(b, "sh", "-c", `cp -r "$0" "$1" && sync`, from, to) }),
			publishing: timed(func() {
				if err := s.Commit(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}),
		})
	}
	return pairs
}

// additions is the change with this number, which adds these files.
func additions(seq int, content map[string]string) store.Commit {
	c := store.Commit{Project: "demo", Seq: seq, Entry: []byte("{}"), Next: []byte(fmt.Sprintf("v1.0.%d\n", seq))}
	if seq > 1 {
		c.Old = []byte(fmt.Sprintf("v1.0.%d\n", seq-1))
	}
	for name, data := range content {
		c.Objects = append(c.Objects, store.Object{Name: fmt.Sprintf("demo/v1.0.%d_%s", seq, name), Data: []byte(data)})
	}
	return c
}

func timed(act func()) time.Duration {
	start := time.Now()
	act()
	return time.Since(start)
}

func mkdir(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
