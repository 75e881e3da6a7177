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

// A change with 1,000 small files in a local folder, with all guarantees, takes about as long as copying them and waiting for
// the disk. Both are done in turn, and the best of each counts: others use the machine, too. (The publisher takes no more than
// 500 files in a release; a store has no such limit.)
func TestLocalSpeed(t *testing.T) {
	dir := t.TempDir()
	s := openLocal(t, mkdir(t, dir, "root"))
	defer s.Close()
	from, content := mkdir(t, dir, "from"), files(1000, "a release")
	for name, data := range content {
		if err := os.WriteFile(filepath.Join(from, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change := func(seq int) store.Commit {
		c := store.Commit{Project: "demo", Seq: seq, Entry: []byte("{}"), Next: []byte(fmt.Sprintf("v1.0.%d\n", seq))}
		if seq > 1 {
			c.Old = []byte(fmt.Sprintf("v1.0.%d\n", seq-1))
		}
		for name, data := range content {
			c.Objects = append(c.Objects, store.Object{Name: fmt.Sprintf("demo/v1.0.%d_%s", seq, name), Data: []byte(data)})
		}
		return c
	}
	copying, publishing := time.Hour, time.Hour
	for run := range 20 {
		to := filepath.Join(dir, fmt.Sprint("to", run))
		copying = min(copying, timed(func() { command(t, "sh", "-c", `cp -r "$0" "$1" && sync`, from, to) }))
		c := change(run + 1)
		publishing = min(publishing, timed(func() {
			if err := s.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}))
		if run >= 3 && float64(publishing) <= slower*float64(copying) {
			break
		}
	}
	t.Logf("cp and sync: %v; publish: %v, %.2f times as long", copying, publishing, float64(publishing)/float64(copying))
	if float64(publishing) > slower*float64(copying) {
		t.Errorf("publish takes more than %v times as long", slower)
	}
}

func timed(act func()) time.Duration {
	start := time.Now()
	act()
	return time.Since(start)
}

func mkdir(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// BenchmarkHistory shows that what status and list take is in proportion to what is there: for a root of half the size, half the
// time. The large one has 200 releases of 50 files, and 1,000 log entries.
func BenchmarkHistory(b *testing.B) {
	for _, releases := range []int{50, 100, 200} {
		dir := memoryDir(b)
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
