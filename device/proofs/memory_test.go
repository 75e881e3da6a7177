package proofs

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/proofdoc"
	"github.com/otactl/otactl/layout"
)

// What the client may take. A board with 32 KB of heap is an ESP8266.
const (
	maxNetPart  = 9 << 10 // bytes of .mpy
	maxKeyPart  = 1 << 10 // bytes of .mpy
	maxBootPart = 3 << 10 // bytes of RAM
	sourceHeap  = 64      // KB: compiling takes more than running
)

func TestSize(t *testing.T) {
	const smallest = 16 // KB: an ESP8266 has about 36
	table := proofdoc.Table{
		Title:   "Size",
		Columns: []string{"part", "bytes of .mpy", "at most", "bytes of RAM after its import", "at most", "into a heap of"},
		Loose:   []string{"bytes of .mpy", "bytes of RAM after its import"},
	}
	n := imported(t, smallest, "micropython_ota")
	table.Rows = append(table.Rows, []string{bootPart, "", "", fmt.Sprint(n), fmt.Sprint(maxBootPart), fmt.Sprint(smallest, " KB")})
	if n > maxBootPart {
		t.Errorf("the boot part takes %d bytes of RAM, may take %d", n, maxBootPart)
	}
	for _, c := range []struct {
		part  string
		limit int
	}{{netPart, maxNetPart}, {keyPart, maxKeyPart}} {
		size := len(client(t)[c.part+".mpy"])
		table.Rows = append(table.Rows, []string{c.part + ".mpy", fmt.Sprint(size), fmt.Sprint(c.limit), fmt.Sprint(imported(t, 32, c.part)), "", "32 KB"})
		if size > c.limit {
			t.Errorf("%s has %d bytes of .mpy, may have %d", c.part, size, c.limit)
		}
	}
	table.Keep(t)
}

// imported returns how many bytes modules take after their import into a heap of so many KB, in a program as small as can be.
func imported(t testing.TB, heap int, modules ...string) int {
	t.Helper()
	const program = "import sys, gc; sys.path[0] = ''; gc.collect(); n = gc.mem_alloc(); import %s; gc.collect(); print(gc.mem_alloc() - n)"
	out, err := python(t, newBoard(t, client(t)).dir, heap, "-c", fmt.Sprintf(program, strings.Join(modules, ", ")))
	n, numErr := strconv.Atoi(strings.TrimSpace(out))
	if err != nil || numErr != nil {
		t.Fatalf("import %s in a heap of %d KB: %v\n%s", modules, heap, err, tail(out))
	}
	return n / scale()
}

// figures runs tests/memory.py and returns what it found.
func (b *board) figures(t testing.TB, args ...string) map[string]int {
	t.Helper()
	program := abs(t, "../tests/memory.py")
	out, err := python(t, b.dir, b.heap, append([]string{program}, args...)...)
	if err != nil {
		t.Fatalf("in a heap of %d KB: %v\n%s", b.heap, err, tail(out))
	}
	figures := map[string]int{}
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) == 2 {
			n, _ := strconv.Atoi(words[1])
			figures[words[0]] = n / scale()
		}
	}
	return figures
}

// large is a file of so many KB in which no two blocks are the same.
func large(kb int) string {
	var b strings.Builder
	for i := 0; b.Len() < kb<<10; i++ {
		fmt.Fprintf(&b, "%07d\xff", i*7919%9999991)
	}
	return b.String()[:kb<<10]
}

// many are so many files in folders.
func many(n int, text string) tree {
	files := tree{}
	for i := range n {
		files[fmt.Sprintf("lib/package%02d/module%03d.py", i/20, i)] = fmt.Sprintf("x = %d\n%s", i, text)
	}
	return files
}

// TestMemory installs releases in small heaps, and then others over them.
func TestMemory(t *testing.T) {
	less := many(300, "changed")
	maps.DeleteFunc(less, func(name, _ string) bool { return strings.HasSuffix(name, "5.py") })
	table := proofdoc.Table{Title: "Heaps", Columns: []string{"release", "client", "installed in a heap of"}}
	t.Run("in", func(t *testing.T) {
		for _, c := range []struct {
			release, client string
			heap            int
			files           func(testing.TB) tree
			first, second   tree
		}{
			{"a file of 512 KB", "compiled", 32, client, tree{"data.bin": large(512)}, tree{"data.bin": large(511)}},
			{"300 files", "compiled", 32, client, many(300, ""), less},
			{"a file of 512 KB", "all as .py", sourceHeap, sources, tree{"data.bin": large(512)}, tree{"data.bin": large(511)}},
		} {
			table.Rows = append(table.Rows, []string{c.release, c.client, fmt.Sprint(c.heap, " KB")})
			t.Run(c.release+"/"+c.client, func(t *testing.T) {
				t.Parallel()
				b := newBoard(t, c.files(t))
				b.heap = c.heap
				for i, files := range []tree{c.first, c.second} {
					tag := fmt.Sprintf("v1.0.%d", i)
					s := newSite(t, release(t, layout.Prefix, tag, files), pointer(tag))
					b.figures(t, "install", s.URL)
					if diff := differ(b.files(t), running(tag, files)); diff != "" {
						t.Fatalf("%.500s", diff)
					}
				}
			})
		}
	})
	table.Keep(t)
}

// A board that has to wait for a byte stands deeper in the client than one that does not, by 400 bytes. Whether it has to is chance,
// so that each peak is the most of several runs: of fewest, and of more while the peaks differ.
const (
	fewestRuns = 8
	mostRuns   = 40
	noise      = 128 // bytes
)

// peaks are the releases of which the first in a pair must not take more than the second.
var peaks = [][2]struct {
	name  string
	files tree
}{
	{{"a file of 512 KB", tree{"data.bin": large(512)}}, {"a file of 1 KB", tree{"data.bin": large(1)}}},
	{{"300 files", many(300, "")}, {"10 files", many(10, "")}},
}

// TestPeak checks that the size of a file makes no difference, nor does the number of files but for what is in a folder.
func TestPeak(t *testing.T) {
	table := proofdoc.Table{Title: "Peaks", Columns: []string{"update", "bytes of RAM at its peak"}, Loose: []string{"bytes of RAM at its peak"}}
	for _, pair := range peaks {
		var most [2]int
		for run := 0; run < fewestRuns || run < mostRuns && max(most[0]-most[1], most[1]-most[0]) > noise; run++ {
			for i, c := range pair {
				s := newSite(t, release(t, layout.Prefix, "v1.0.0", c.files), pointer("v1.0.0"))
				figures := newBoard(t, client(t)).figures(t, "update", s.URL)
				most[i] = max(most[i], figures["peak"]-figures["idle"])
			}
		}
		for i, c := range pair {
			table.Rows = append(table.Rows, []string{c.name, fmt.Sprint(most[i])})
		}
		if max(most[0]-most[1], most[1]-most[0]) > noise {
			t.Errorf("%s: %d bytes, %s: %d", pair[0].name, most[0], pair[1].name, most[1])
		}
	}
	table.Keep(t)
}
