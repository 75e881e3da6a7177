package proofs

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// asks is a boot.py that calls update and says what came of it.
func asks(host, more string) tree {
	return tree{"boot.py": "import micropython_ota as ota\ncalls = 0\ndef count():\n    global calls\n    calls += 1\n" +
		"try:\n    print('#got', ota.update('" + host + "', 'sample'" + more + "))\nexcept Exception as e:\n    print('#got', repr(e))\nprint('#calls', calls)\n"}
}

// after returns what a story says behind a word, the last time.
func (s story) after(word string) string {
	i := strings.LastIndex(s.text, word+" ")
	if i < 0 {
		return ""
	}
	line, _, _ := strings.Cut(s.text[i+len(word)+1:], "\n")
	return line
}

func (s story) number(t testing.TB, word string) int {
	t.Helper()
	n, err := strconv.Atoi(s.after(word))
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(s.text))
	}
	return n
}

// ticks are values of a clock that runs over at 2^30, such that 0 is in the past and in the future.
var ticks = []string{"ticks=1000", "ticks=800000000"}

// TestMaxSeconds gives an update no time at all, some, and all it needs: what was downloaded is not asked for again.
func TestMaxSeconds(t *testing.T) {
	const sent = 100_000
	big := tree{"big.bin": large(160)}
	for _, now := range ticks {
		t.Run(now, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, release(t, layout.Prefix, "v1.0.1", big), pointer("v1.0.1"))
			b := newBoard(t, client(t), asks(s.URL, ", max_seconds=0"))
			took := b.start(t, 1, "eager", now)
			if !strings.HasPrefix(took.after("#got"), "OSError('") || len(b.files(t)) != 1 {
				t.Errorf("without time: %s, has %d files", took.after("#got"), len(b.files(t)))
			}
			s.spoil(func(path string) handler {
				if strings.HasSuffix(path, "big.bin") {
					return stall(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 160<<10, big["big.bin"][:sent]))
				}
				return nil
			})
			b.write(t, asks(s.URL, ", max_seconds=2, timeout=60"))
			b.start(t, 1, "eager", now)
			b.write(t, asks(s.URL, ", max_seconds=0"))
			b.start(t, 1, "eager", now)
			s.spoil(nil)
			b.write(t, asks(s.URL, ", max_seconds=60"))
			told := b.start(t, 2, "eager", now)
			got := b.files(t)
			if diff := differ(got, running("v1.0.1", big).with(tree{"boot.py": got["boot.py"]})); diff != "" {
				t.Errorf("%s\n%s", diff, tail(told.text))
			}
			if log, _, _ := s.seen(); !strings.HasPrefix(spanOf(log, "big.bin"), "bytes=") {
				t.Errorf("asked for %v", log)
			}
		})
	}
}

// TestProgress counts the calls of progress, which feeds a watchdog: there is one for each buffer that is received, and for each that is
// hashed, of a file that is right already and of a download that goes on.
func TestProgress(t *testing.T) {
	const kb = 300
	const piece = 2048 // no larger buffer is filled between two calls
	files := tree{"big.bin": large(kb)}
	for name, c := range map[string]struct {
		there  tree
		before string  // what the update before was told
		wrong  handler // how its file came
		span   string  // what is asked for
	}{
		"download":    {},
		"right there": {there: files},
		"resumed":     {before: ", timeout=1", wrong: part(-9), span: "bytes=" + strconv.Itoa(kb<<10-9) + "-"},
		"whole":       {before: ", ready=lambda: False"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, release(t, layout.Prefix, "v1.0.1", files), pointer("v1.0.1"))
			b := newBoard(t, client(t), c.there.orEmpty())
			if c.before != "" {
				s.spoil(func(path string) handler {
					if strings.HasSuffix(path, "big.bin") {
						return c.wrong
					}
					return nil
				})
				b.write(t, asks(s.URL, c.before))
				b.start(t, 1, "eager")
			}
			s.spoil(nil)
			b.write(t, asks(s.URL, ", progress=count"))
			told := b.start(t, 1, "eager")
			if n := told.number(t, "#calls"); told.after("#got") != "True" || n < kb<<10/piece {
				t.Errorf("%s after %d calls", told.after("#got"), n)
			}
			if log, _, _ := s.seen(); spanOf(log, "big.bin") != c.span || (name == "download" || name == "resumed") != (len(log) == 3) {
				t.Errorf("asked for %v", log)
			}
		})
	}
}

// TestReady lets a board with a low battery refuse: nothing is installed, and what was downloaded is kept.
func TestReady(t *testing.T) {
	t.Parallel()
	s := newSite(t, both(t)...)
	b := newVeteran(t)
	boot := func(ready string) tree {
		return tree{"boot.py": fmt.Sprintf("import micropython_ota as ota\nota.ota_update('%s', 'sample', ready=lambda: %s)\n", s.URL, ready)}
	}
	b.write(t, boot("print('#asked')"))
	b.write(t, conf(s.URL).with(tree{"main.py": ""}))
	told := b.start(t, 3)
	if strings.Count(told.text, "#asked") != 3 || told.resets() > 0 || b.files(t)["version"] != "v1.0.0" {
		t.Errorf("not asked three times, or did not obey\n%s", tail(told.text))
	}
	s.spoil(nil)
	b.write(t, boot("True"))
	told = b.start(t, 2)
	if got := b.files(t); got["version"] != "v1.0.1" || got["main.py"] != newFiles["main.py"] {
		t.Errorf("did not install when it was ready\n%s", tail(told.text))
	}
	log, _, _ := s.seen()
	if span := spanOf(log, "main.py"); span != "" || len(log) > 4 {
		t.Errorf("asked for %v", log)
	}
}

// TestFilenames asks for some of a release, and for what it does not have.
func TestFilenames(t *testing.T) {
	for name, c := range map[string]struct {
		names string
		want  tree // beside boot.py, nil if nothing is installed
	}{
		"some":       {"['main.py', 'lib/util.py']", tree{"version": "v1.0.1", "main.py": newFiles["main.py"], "lib/util.py": newFiles["lib/util.py"]}},
		"none":       {"[]", tree{"version": "v1.0.1"}},
		"not there":  {"['main.py', 'other.py']", nil},
		"twice":      {"('main.py', 'main.py')", tree{"version": "v1.0.1", "main.py": newFiles["main.py"]}},
		"not a name": {"['main.py', '../other.py']", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, release(t, layout.Prefix, "v1.0.1", newFiles), pointer("v1.0.1"))
			b := newBoard(t, client(t), asks(s.URL, ", filenames="+c.names))
			told := b.start(t, 2, "eager")
			if told.resets() > 0 && c.want == nil {
				t.Errorf("%d resets", told.resets())
			}
			got := b.files(t)
			if diff := differ(got, c.want.orEmpty().with(tree{"boot.py": got["boot.py"]})); diff != "" {
				t.Errorf("%s\n%s", diff, tail(told.text))
			}
			if c.want == nil && !strings.Contains(told.after("#got"), "other.py") {
				t.Errorf("says %s", told.after("#got"))
			}
		})
	}
}
