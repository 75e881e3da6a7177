package proofs

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otactl/otactl/layout"
)

// What the devices of these tests run. The programs ask for updates as those of the original's README do.
const (
	bootPy = "import micropython_ota, conf\n" +
		"if conf.trial != 'plain':\n    micropython_ota.boot()\n" +
		"micropython_ota.ota_update(conf.host, 'sample', conf.files, user=conf.user, passwd=conf.passwd, timeout=conf.timeout, ca=conf.ca)\n"
	mainPy = "import micropython_ota, conf, lib.util\n" +
		"print('#runs', lib.util.version)\n" +
		"if conf.trial == 'trial':\n    micropython_ota.confirm()\n" +
		"micropython_ota.check_for_ota_update(conf.host, 'sample', conf.user, conf.passwd, timeout=conf.timeout, ca=conf.ca)\n"
)

// filler makes a file large enough for every fault to happen within it. It differs from the start to the end.
var filler = "# " + strings.Repeat("0123456789abcdef", 180) + "\n"

var (
	oldFiles = tree{
		"boot.py": bootPy, "main.py": "# 0\n" + mainPy + filler, "lib/util.py": "version = 'v1.0.0'\n", "gone.py": "", "same.bin": "\x00\xff\r\n",
	}
	newFiles = tree{
		"boot.py": bootPy, "main.py": "# 1\n" + mainPy + filler + "#.\n", "lib/util.py": "version = 'v1.0.1'\n", "more.py": "more\n",
		"same.bin": "\x00\xff\r\n",
	}
)

// running is what lies on a board that runs a version, without what the user made.
func running(version string, files tree) tree { return files.with(tree{"version": version}) }

// conf is a file of the user's own, which every update leaves alone. Later lines count.
func conf(host string, lines ...string) tree {
	first := fmt.Sprintf("host = '%s'\nfiles = user = passwd = ca = None\ntrial = 'plain'\ntimeout = 1\n", host)
	return tree{"conf.py": first + strings.Join(lines, "\n")}
}

var veteran struct {
	once  sync.Once
	flash tree
}

// newVeteran returns a board onto which the client has installed v1.0.0 by itself.
func newVeteran(t testing.TB) *board {
	t.Helper()
	veteran.once.Do(func() {
		first := newSite(t, release(t, layout.Prefix, "v1.0.0", oldFiles), pointer("v1.0.0"))
		b := newBoard(t, client(t), conf(first.URL), tree{"boot.py": bootPy})
		b.start(t, 3, "eager")
		if diff := differ(b.files(t), running("v1.0.0", oldFiles).with(conf(first.URL))); diff != "" {
			t.Fatalf("the first update: %s", diff)
		}
		veteran.flash = tree{}
		b.walk(t, func(path string, text []byte) { veteran.flash[path] = string(text) })
	})
	if veteran.flash == nil {
		t.Fatal("no board with v1.0.0")
	}
	return newBoard(t, veteran.flash)
}

// starts is how often a board starts while a fault lasts, unless starting takes long.
const starts = 10

// A spoiling lets a board with v1.0.0 see a server with v1.0.1 on which a path of the project goes wrong.
type spoiling struct {
	at      string
	wrong   handler
	times   int // 0: always
	want    string
	starts  int
	timeout float64 // of the client, in s
	hurry   int     // how fast its clock runs
	partial bool    // what has come of a manifest may stay, because the rest could come
	seen    *tally  // may be nil
}

func always(at string, wrong handler, want string) func(*testing.T) {
	return spoiling{at: at, wrong: wrong, want: want, starts: starts, timeout: 1, hurry: 40}.test
}

func (c spoiling) test(t *testing.T) {
	t.Parallel()
	s := newSite(t, release(t, layout.Prefix, "v1.0.0", oldFiles), release(t, layout.Prefix, "v1.0.1", newFiles), pointer("v1.0.1"))
	b := newVeteran(t)
	b.write(t, conf(s.URL, fmt.Sprint("timeout = ", c.timeout)))
	before := b.used(t)
	s.spoil(func(path string) handler {
		if path != project+"/"+c.at || c.times > 0 && s.passed >= c.times {
			return nil
		}
		return c.wrong
	})
	told := b.start(t, c.starts, fmt.Sprint("hurry=", c.hurry))
	defer func(said string) {
		if t.Failed() {
			t.Log(tail(said))
		}
	}(told.text)
	checkWhole(t, b, c.want)
	log, _, passed := s.seen()
	if passed == 0 {
		t.Error("the fault did not happen")
	}
	if c.seen != nil {
		c.seen.cost(costs{(len(log) + c.starts - 1) / c.starts, told.resets(), b.used(t) - before})
	}
	if len(log) > c.starts*requestsPerStart {
		t.Errorf("%d requests", len(log))
	}
	if told.resets() > resetsAtMost {
		t.Errorf("%d resets in %d starts", told.resets(), c.starts)
	}
	if len(told.raised) > 0 || strings.Contains(told.text, "MemoryError") {
		t.Errorf("raised %q", told.raised)
	}
	if left := b.state(t); c.want == stays && !c.partial && strings.HasSuffix(c.at, ".manifest") && slices.ContainsFunc(left, litter) {
		t.Errorf("left %q", left)
	}
	if used, most := b.used(t), before+2*size(newFiles)+stateAtMost; used > most {
		t.Errorf("%d bytes on flash, may be %d", used, most)
	}

	s.spoil(nil)
	told = b.start(t, starts, "eager")
	checkWhole(t, b, moves)
	if told.resets() > 3 {
		t.Errorf("%d resets on a good server", told.resets())
	}
}

// litter reports whether a name in .ota has no use when a manifest was refused: it may have 64 KB, and what was planned by it too.
func litter(name string) bool { return name == "m" || name == "q" || name == "t" }

// What a fault may cost.
const (
	requestsPerStart = 40
	resetsAtMost     = 5
	stateAtMost      = 4096 // bytes, beside the files of the release
)

// checkWhole checks that a board has all of a version and nothing of another one.
func checkWhole(t testing.TB, b *board, want string) {
	t.Helper()
	got := b.files(t)
	users := tree{"conf.py": got["conf.py"]}
	if ca, ok := got["ca.der"]; ok {
		users["ca.der"] = ca
	}
	isOld := differ(got, running("v1.0.0", oldFiles).with(users))
	isNew := differ(got, running("v1.0.1", newFiles).with(users))
	switch {
	case isOld != "" && isNew != "":
		t.Errorf("a mixture: not old: %s; not new: %s", isOld, isNew)
	case want == stays && isOld != "":
		t.Errorf("the new version, should be the old one")
	case want == moves && isNew != "":
		t.Errorf("the old version, should be the new one")
	}
}

func size(files tree) (n int) {
	for _, text := range files {
		n += len(text)
	}
	return n
}
