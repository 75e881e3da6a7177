package proofs

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
)

// What users do with the client, behind nginx.

// How boot.py uses it: without a trial, and with one of two boots.
const (
	plainBoot = "import micropython_ota\nmicropython_ota.ota_update('%s', 'sample')\n"
	trialBoot = "import micropython_ota as ota\nprint('boot:', ota.boot(2))\nota.ota_update('%s', 'sample')\n"
)

// rounds are releases that add, change, remove, nest, and turn a module into a package, a file into a folder and back.
func rounds(boot string) []tree {
	binary := string(bytes.Repeat([]byte{0, 255, 10, 13, 128, 26}, 1000))
	return []tree{
		{"boot.py": boot, "main.py": "print('one')\n", "lib/a/b.py": "x = 1\n", "data.bin": binary, "empty": "", "gone/x.py": "", "x": "a file"},
		{
			"boot.py": boot, "main.py": "print('two')\n", "lib/a/b.py": "x = 1\n", "data.bin": binary + "x", "new/deep/c.py": "c = 1\n", "gone.py": "",
			"x/__init__.py": "x = 2\n",
		},
		{"boot.py": boot + "#\n", "main.py": "print('three')\n", "x/__init__.py": "x = 3\n"},
		{"boot.py": boot + "#\n", "main.py": "print('four')\n", "x": "a file again"},
	}
}

func TestPlain(t *testing.T) {
	for _, kind := range []layout.Kind{layout.Prefix, layout.Directory} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			boot := fmt.Sprintf(plainBoot, testserver.Nginx(t, root))
			mine := tree{"mine.txt": "the user's", "lib/mine.py": ""}
			b := newBoard(t, client(t), mine, tree{"boot.py": boot})
			for i, files := range rounds(boot) {
				tag := fmt.Sprintf("v1.0.%d", i)
				put(t, root, release(t, kind, tag, files).with(pointer(tag)))
				b.settles(t, running(tag, files).with(mine))
				if told := b.start(t, 2); told.resets() > 0 {
					t.Errorf("resets without an update\n%s", told.text)
				}
				if got := b.state(t); !slices.Equal(got, []string{"b_", "i", "n_"}) {
					t.Errorf(".ota holds %q", got)
				}
			}
			if _, err := os.Stat(filepath.Join(b.dir, "gone")); err == nil {
				t.Error("the folder gone is there and hides gone.py")
			}
		})
	}
}

// TestTrial reverts a version that is not confirmed, once, and does not try it again; a later one it does.
func TestTrial(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	boot := fmt.Sprintf(trialBoot, testserver.Nginx(t, root))
	b := newBoard(t, client(t), tree{"boot.py": boot})
	publish := func(tag string, files tree) { put(t, root, release(t, layout.Prefix, tag, files).with(pointer(tag))) }
	good := tree{"main.py": "import micropython_ota\nmicropython_ota.confirm()\n"}
	one := rounds(boot)[0].with(good)
	publish("v1.0.0", one)
	b.settles(t, running("v1.0.0", one))

	publish("v1.0.1", rounds(boot)[1].with(tree{
		"main.py":   "import time\ntime.sleep = lambda s: print('slept', s)\nimport micropython_ota as ota\nota.run('broken')\n",
		"broken.py": "1 / 0\n",
	}))
	told := b.start(t, 8, "eager")
	if got := strings.Join(told.starts, " "); got != "reset reset reset reset idle idle idle idle" {
		t.Errorf("ended in %s\n%s", got, told.text)
	}
	if strings.Count(told.text, "boot: trial") != 2 || strings.Count(told.text, "boot: reverted") != 1 || strings.Count(told.text, "slept 10") != 2 {
		t.Errorf("said\n%s", told.text)
	}
	b.settles(t, running("v1.0.0", one))
	if got := b.state(t); !slices.Equal(got, []string{"b_", "bad", "i", "n_"}) {
		t.Errorf(".ota holds %q", got)
	}

	three := rounds(boot)[1].with(good)
	publish("v1.0.2", three)
	b.settles(t, running("v1.0.2", three))
	if got := b.state(t); !slices.Equal(got, []string{"b_", "i", "n_"}) {
		t.Errorf(".ota holds %q", got)
	}
}

// TestResume cuts a download off, and then each that does not go on there: it goes on after the next start.
func TestResume(t *testing.T) {
	t.Parallel()
	big := tree{"big.bin": large(160)}
	s := newSite(t, release(t, layout.Prefix, "v1.0.0", big), pointer("v1.0.0"))
	boot := tree{"boot.py": fmt.Sprintf(plainBoot, s.URL)}
	b := newBoard(t, client(t), boot)
	s.spoil(func(path string) handler {
		if strings.HasSuffix(path, "big.bin") {
			return part(100_000)
		}
		return nil
	})
	b.start(t, 1)
	if diff := differ(b.files(t), boot); diff != "" {
		t.Fatal(diff)
	}
	s.spoil(nil)
	b.settles(t, running("v1.0.0", big).with(boot))
	if log, _, _ := s.seen(); spanOf(log, "big.bin") != "bytes=100000-" {
		t.Errorf("asked for %v", log)
	}
}

// TestDeepSleep wakes a board that tries a version out: that does not count as a start, others do.
func TestDeepSleep(t *testing.T) {
	t.Parallel()
	s := newSite(t, both(t)...)
	b := newVeteran(t)
	b.write(t, conf(s.URL, "trial = 'bad'"))
	b.start(t, 1)
	b.start(t, 3*starts, "cause=4")
	checkWhole(t, b, moves)
	b.start(t, 4)
	b.start(t, starts, "cause=4")
	checkWhole(t, b, moves)
	b.start(t, 4)
	checkWhole(t, b, stays)
}

// TestRun runs an application that ends as the user wants it to: no reset.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"SystemExit", "KeyboardInterrupt"} {
		b := newBoard(t, client(t), tree{"app.py": "raise " + how + "\n"})
		program := "import sys; sys.path[:] = ['']\nimport micropython_ota as ota\ntry:\n    ota.run('app')\nexcept " + how + ":\n    print('ended')\n"
		if out, err := python(t, b.dir, b.heap, "-c", program); err != nil || out != "ended\n" {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestBrokenBoot refuses a boot.py that cannot be compiled: nobody would call boot().
func TestBrokenBoot(t *testing.T) {
	for name, boot := range map[string]string{"cut": bootPy[:len(bootPy)-3], "a page": portal, "noise": "\x00\xff"} {
		for _, mode := range []string{"plain", "trial"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, release(t, layout.Prefix, "v1.0.1", newFiles.with(tree{"boot.py": boot})), pointer("v1.0.1"))
				b := newVeteran(t)
				b.write(t, conf(s.URL, "trial = '"+mode+"'"))
				told := b.start(t, starts)
				checkWhole(t, b, stays)
				if told.resets() > resetsAtMost {
					t.Errorf("%d resets", told.resets())
				}
			})
		}
	}
}

// TestHosts lets the server root lie in a folder, on a server that wants a password or not.
func TestHosts(t *testing.T) {
	for _, folder := range []string{"/", "/ota", "/deep/er/", "/deep_er.1/~x"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			for _, root := range both(t) {
				for name, text := range root {
					s.put(tree{strings.TrimPrefix(path.Join(folder, name), "/"): text})
				}
			}
			s.spoil(everywhere(guarded))
			b := newVeteran(t)
			b.write(t, conf(s.URL+folder, "user = 'ann'", "passwd = 'se:cret'"))
			b.start(t, 3)
			checkWhole(t, b, moves)
		})
	}
}

// TestForget lets a board try a version again that it has rejected.
func TestForget(t *testing.T) {
	t.Parallel()
	s := newSite(t, both(t)...)
	b := newVeteran(t)
	b.write(t, tree{".ota/bad": "1 trial v1.0.1\n", ".ota/f": "v1.0.1 6 "}.with(conf(s.URL)))
	b.start(t, starts, "eager")
	checkWhole(t, b, stays)
	if out, err := python(t, b.dir, b.heap, "-c", "import sys; sys.path[:] = ['']; import micropython_ota as ota; ota.forget()"); err != nil || out != "" {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := b.state(t); !slices.Equal(got, []string{"b_", "i", "n_"}) {
		t.Errorf(".ota holds %q", got)
	}
	b.start(t, 2)
	checkWhole(t, b, moves)
}

// TestUnsigned: with a key, a device installs nothing that is not signed, and says so.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	const boot = "import micropython_ota as ota\nota.ota_update('%s', 'sample', ['boot.py'], key=%s)\n"
	for _, key := range []string{"'k'", "''", "()", "('k', 'k')", "b'k'", "7"} {
		for name, files := range map[string]tree{"a manifest": {}, "none": {"sample/v1.0.0.manifest": ""}} {
			t.Run(key+", "+name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				flash := tree{"boot.py": fmt.Sprintf(boot, s.URL, key)}
				s.put(release(t, layout.Prefix, "v1.0.0", flash).with(pointer("v1.0.0")).with(files))
				if name == "none" {
					s.spoil(func(path string) handler {
						if strings.HasSuffix(path, ".manifest") {
							return status(404)
						}
						return nil
					})
				}
				b := newBoard(t, client(t), flash)
				if text := b.settles(t, flash); !strings.Contains(text, "ota: ") {
					t.Errorf("said\n%s", text)
				}
			})
		}
	}
}

// settles starts the board until it stays up, and fails the test unless it then holds just these files, beside the client
// and its state. It returns what was printed.
func (b *board) settles(t *testing.T, want tree) (text string) {
	t.Helper()
	for range 10 {
		told := b.start(t, 1, "eager")
		text += told.text
		if told.resets() > 0 {
			continue
		}
		if diff := differ(b.files(t), want); diff != "" {
			t.Fatalf("%s\n%s", diff, tail(text))
		}
		return text
	}
	t.Fatalf("resets for ever\n%s", tail(text))
	return ""
}

// state returns the names in .ota.
func (b *board) state(t testing.TB) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.dir, ".ota"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
