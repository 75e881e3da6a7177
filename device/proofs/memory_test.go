package proofs

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

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
	needI386(t)
	for part, limit := range map[string]int{netPart: maxNetPart, keyPart: maxKeyPart} {
		size := len(client(t)[part+".mpy"])
		t.Logf("%s: %d bytes of .mpy, takes %d bytes of RAM", part, size, imported(t, 32, part))
		if size > limit {
			t.Errorf("%s has %d bytes of .mpy, may have %d", part, size, limit)
		}
	}
	const smallest = 16 // KB: an ESP8266 has about 36
	n := imported(t, smallest, "micropython_ota")
	t.Logf("boot part: imported as .py in %d KB, takes %d bytes of RAM", smallest, n)
	if n > maxBootPart {
		t.Errorf("the boot part takes %d bytes of RAM, may take %d", n, maxBootPart)
	}
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
	return n
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
			figures[words[0]], _ = strconv.Atoi(words[1])
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
	needI386(t)
	less := many(300, "changed")
	maps.DeleteFunc(less, func(name, _ string) bool { return strings.HasSuffix(name, "5.py") })
	for name, c := range map[string]struct {
		heap          int
		client        func(testing.TB) tree
		first, second tree
	}{
		"512 KB, .mpy": {32, client, tree{"data.bin": large(512)}, tree{"data.bin": large(511)}},
		"512 KB, .py":  {sourceHeap, sources, tree{"data.bin": large(512)}, tree{"data.bin": large(511)}},
		"300 files":    {32, client, many(300, ""), less},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBoard(t, c.client(t))
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
}

// peakRuns is how often each peak is measured, each time from another port. With one server the figure can be the same 400
// bytes too low in every run; the peak is the most of them.
const peakRuns = 8

// TestPeak checks that the size of a file makes no difference, nor does the number of files but for what is in a folder.
func TestPeak(t *testing.T) {
	needI386(t)
	peaks := map[string]int{}
	for name, files := range map[string]tree{
		"1 KB": {"data.bin": large(1)}, "512 KB": {"data.bin": large(512)}, "10 files": many(10, ""), "300 files": many(300, ""),
	} {
		for range peakRuns {
			s := newSite(t, release(t, layout.Prefix, "v1.0.0", files), pointer("v1.0.0"))
			figures := newBoard(t, client(t)).figures(t, "update", s.URL)
			peaks[name] = max(peaks[name], figures["peak"]-figures["idle"])
		}
		t.Logf("%s: %d bytes", name, peaks[name])
	}
	const noise = 128
	if d := peaks["512 KB"] - peaks["1 KB"]; d > noise || d < -noise {
		t.Errorf("512 KB take %d bytes more than 1 KB", d)
	}
	if d := peaks["300 files"] - peaks["10 files"]; d > noise || d < -noise {
		t.Errorf("300 files take %d bytes more than 10", d)
	}
}
