package proofs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/otactl/otactl/inspect"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
)

// slower is how much longer a publish into a local folder may take than cp and sync of the same files.
const slower = 1.3

// BenchmarkLocalSpeed fails if a change with 1,000 small files in a local folder, with all guarantees, takes much longer than
// copying them and waiting for the disk. Both are done in turn, and the best of each counts: others use the machine, too. (The
// publisher takes no more than 500 files in a release; a store has no such limit.)
func BenchmarkLocalSpeed(b *testing.B) {
	for b.Loop() {
		copying, publishing := localSpeed(b)
		times := float64(publishing) / float64(copying)
		b.ReportMetric(float64(copying.Microseconds())/1000, "cp-ms")
		b.ReportMetric(float64(publishing.Microseconds())/1000, "publish-ms")
		b.ReportMetric(times, "times")
		if times > slower {
			b.Errorf("publish takes %.2f times as long as cp and sync, want at most %v", times, slower)
		}
	}
}

// localSpeed is what it takes to copy the files, and to publish them, at best.
func localSpeed(b *testing.B) (copying, publishing time.Duration) {
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
	copying, publishing = time.Hour, time.Hour
	for run := range 20 {
		to := filepath.Join(dir, fmt.Sprint("to", run))
		copying = min(copying, timed(func() { command(b, "sh", "-c", `cp -r "$0" "$1" && sync`, from, to) }))
		c := additions(run+1, content)
		publishing = min(publishing, timed(func() {
			if err := s.Commit(b.Context(), c); err != nil {
				b.Fatal(err)
			}
		}))
		if run >= 3 && float64(publishing) <= slower*float64(copying) {
			break
		}
	}
	return copying, publishing
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

// BenchmarkHistory shows that what status and list take is in proportion to what is there: for a root of half the size, half the
// time. The large one has 200 releases of 50 files, and 1,000 log entries.
func BenchmarkHistory(b *testing.B) {
	for _, releases := range []int{50, 100, 200} {
		dir := b.TempDir()
		s := openLocal(b, dir)
		for i := range releases {
			r := request(b, layout.Prefix, fmt.Sprintf("v1.0.%d", i), 1)
			r.Set = set(files(50, fmt.Sprint(i)))
			if _, err := publish.Run(b.Context(), s, r); err != nil {
				b.Fatal(err)
			}
		}
		seesaw(b, dir, releases-2, releases*4-1)
		name := fmt.Sprintf("%d-releases-%d-entries", releases, releases*5)
		b.Run("status/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := inspect.Run(b.Context(), s, project); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("list/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := inspect.List(b.Context(), s, project); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("rollback/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := rollback.Run(b.Context(), s, rollback.Request{Project: project, Who: on(9), DryRun: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
