package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/verify"
)

var (
	bare   = verify.Request{}
	all    = verify.Request{All: true}
	first  = verify.Request{Tag: tag("v1.0.0")}
	second = verify.Request{Tag: tag("v1.1.0")}
)

func flip(data []byte) []byte { data[3] ^= 1; return data }

// damages are what may happen to a target, and what is said of it. Each begins with a whole one.
var damages = []struct {
	name   string
	act    func(s *site)
	verify verify.Request
	want   []string
}{
	{"nothing", func(*site) {}, bare, []string{"v1.2.0 whole (2, 34)"}},
	{"nothing, another release", func(*site) {}, second, []string{"v1.1.0 whole (2, 34)"}},
	{"nothing, all", func(*site) {}, all, []string{"v1.0.0 whole (2, 30)", "v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)"}},
	{"flip a bit", func(s *site) { s.edit("v1.2.0_main.py", flip) }, bare, []string{
		"v1.2.0 different (2, 34)",
		"demo/v1.2.0_main.py has other bytes: their SHA-256 is de245255e814..., not 84900bdcde4b...",
	}},
	{"flip a bit of another release", func(s *site) { s.edit("v1.0.0_main.py", flip) }, bare, []string{"v1.2.0 whole (2, 34)"}},
	{"truncate", func(s *site) { s.edit("v1.1.0/lib/util.py", func(b []byte) []byte { return b[:5] }) }, all, []string{
		"v1.0.0 whole (2, 30)", "v1.1.0 different (2, 34)", "v1.2.0 whole (2, 34)",
		"demo/v1.1.0/lib/util.py has 5 bytes, not 19",
	}},
	{"empty", func(s *site) { s.write("v1.0.0_main.py", "") }, first, []string{
		"v1.0.0 different (2, 30)", "demo/v1.0.0_main.py has 0 bytes, not 15",
	}},
	{"grow", func(s *site) { s.edit("v1.0.0_main.py", func(b []byte) []byte { return append(b, '\n') }) }, first, []string{
		"v1.0.0 different (2, 30)", "demo/v1.0.0_main.py has 16 bytes, not 15",
	}},
	{"remove", func(s *site) { s.remove("v1.2.0_lib/util.py") }, bare, []string{
		"v1.2.0 different (2, 34)", "demo/v1.2.0_lib/util.py is missing",
	}},
	{"remove all", func(s *site) { s.remove("v1.1.0") }, second, []string{
		"v1.1.0 different (2, 34)", "demo/v1.1.0/lib/util.py is missing", "demo/v1.1.0/main.py is missing",
	}},
	{"rename", func(s *site) { s.rename("v1.0.0_boot.py", "v1.0.0_Boot.py") }, first, []string{
		"v1.0.0 different (2, 30)",
		"demo/v1.0.0_Boot.py is not in the manifest of v1.0.0", "demo/v1.0.0_boot.py is missing",
	}},
	{"swap", func(s *site) { s.rename("v1.0.0_main.py", "v1.2.0_main.py") }, all, []string{
		"v1.0.0 different (2, 30)", "v1.1.0 whole (2, 34)", "v1.2.0 different (2, 34)",
		"demo/v1.0.0_main.py is missing",
		"demo/v1.2.0_main.py has other bytes: their SHA-256 is f24817c0ae9c..., not 84900bdcde4b...",
	}},
	{"foreign files", func(s *site) {
		s.write("README.txt", "hello")
		s.write("old/main.py", "x")
		s.write("v1.0.0_evil.py", "x")
		s.write("v1.1.0/lib/.hidden", "x")
		s.write("v1.0.0_a\x1b[2Jb", "x")
	}, all, []string{
		"v1.0.0 different (2, 30)", "v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)",
		"demo/v1.0.0_evil.py is not in the manifest of v1.0.0",
		"note: demo/README.txt belongs to no release", "note: demo/old is a folder of no release",
		`note: "demo/v1.0.0_a\x1b[2Jb" belongs to no release`,
		"note: demo/v1.1.0/lib/.hidden belongs to no release",
	}},
	{"what devices do not ask for", func(s *site) {
		s.write("README.txt", "hello")
		must(s, os.Mkdir(s.path(".otactl/tmp.abc"), 0o755))
		must(s, os.Mkdir(s.path(".otactl/tmp.def"), 0o755))
		must(s, os.Chtimes(s.path(".otactl/tmp.abc"), time.Unix(1e9, 0), time.Unix(1e9, 0)))
		s.write(".otactl/lock", "x")
		s.write("v1.3.0_main.py", "x")
		s.write("v1.4.0/main.py", "x")
	}, bare, []string{
		"v1.2.0 whole (2, 34)",
		"note: demo/.otactl/lock is nothing that otactl has made",
		"note: demo/.otactl/tmp.abc is an unfinished upload of 2001-09-09T01:46:40Z",
		"note: demo/README.txt belongs to no release",
		"note: demo/v1.3.0 is an unfinished release: it has no manifest",
		"note: demo/v1.4.0 is an unfinished release: it has no manifest",
	}},
	{"a manifest of another project", func(s *site) {
		s.edit("v1.2.0.manifest", func(b []byte) []byte { return bytes.Replace(b, []byte("demo"), []byte("dome"), 1) })
	}, bare, []string{
		"v1.2.0 different (0, 0)",
		"demo/v1.2.0.manifest is damaged: manifest line 2: is of another project or release",
	}},
	{"a manifest of another release", func(s *site) { s.remove("v1.0.0.manifest"); s.rename("v1.2.0.manifest", "v1.0.0.manifest") }, all, []string{
		"v1.0.0 different (0, 0)", "v1.1.0 whole (2, 34)",
		"demo/v1.0.0.manifest is damaged: manifest line 2: is of another project or release",
		"demo/version names v1.2.0, and there is no such release",
		"note: demo/v1.2.0 is an unfinished release: it has no manifest",
	}},
	{"a manifest of other files", func(s *site) {
		s.write("v1.2.0_main.py", "evil\n")
		s.write("v1.2.0.manifest", string(layout.Manifest{Project: project, Tag: tag("v1.2.0"), Files: []layout.File{
			{Name: "main.py", Size: 5, SHA256: release.SHA256([]byte("evil\n"))},
		}}.Bytes()))
	}, bare, []string{
		"v1.2.0 different (1, 5)",
		"demo/v1.2.0.manifest is not what change 4 (publish) was about: its SHA-256 is e7aa690228f2..., not 752c72ebf709...",
		"demo/v1.2.0_lib/util.py is not in the manifest of v1.2.0",
	}},
	{"a broken manifest", func(s *site) { s.edit("v1.2.0.manifest", flip) }, bare, []string{
		"v1.2.0 different (0, 0)", `demo/v1.2.0.manifest is damaged: manifest line 1: is not "otactl 1"`,
	}},
	{"an endless manifest", func(s *site) { must(s, os.Truncate(s.path("v1.2.0.manifest"), 1<<40)) }, bare, []string{
		"v1.2.0 different (0, 0)", `demo/v1.2.0.manifest is no manifest: "demo/v1.2.0.manifest" is larger than 65536 bytes`,
	}},
	{"an endless file", func(s *site) { must(s, os.Truncate(s.path("v1.2.0_main.py"), 1<<40)) }, bare, []string{
		"v1.2.0 different (2, 34)", "demo/v1.2.0_main.py has 1099511627776 bytes, not 15",
	}},
	{"no manifest", func(s *site) { s.remove("v1.2.0.manifest") }, bare, []string{
		"v1.2.0 different (0, 0)", "demo/v1.2.0.manifest is missing: the release is unfinished",
	}},
	{"a whole release is gone", func(s *site) { s.remove("v1.0.0.manifest"); s.remove("v1.0.0_boot.py"); s.remove("v1.0.0_main.py") }, all, []string{
		"v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)",
		"demo/v1.0.0.manifest is missing, and so are all files of the release, which change 2 has published",
	}},
	{"no manifest of another release", func(s *site) { s.remove("v1.0.0.manifest") }, all, []string{
		"v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)", "note: demo/v1.0.0 is an unfinished release: it has no manifest",
	}},
	{"modes", func(s *site) {
		s.chmod("v1.2.0_main.py", 0o600)
		s.chmod("v1.2.0_lib/util.py", 0)
		s.chmod("v1.2.0_lib", 0o700)
		s.chmod("v1.2.0.manifest", 0o640)
		s.chmod("version", 0o600)
		s.chmod("v1.0.0_main.py", 0)
	}, bare, []string{
		"v1.2.0 different (2, 34)",
		"demo/v1.2.0.manifest has mode 0640, so a web server may not read it",
		"demo/v1.2.0_lib has mode 0700, so a web server may not pass through it",
		"demo/v1.2.0_lib/util.py has mode 0000, so a web server may not read it",
		"demo/v1.2.0_main.py has mode 0600, so a web server may not read it",
		"demo/version has mode 0600, so a web server may not read it",
	}},
	{"the mode of the project", func(s *site) { s.chmod(".", 0o750) }, first, []string{
		"v1.0.0 different (2, 30)", "demo has mode 0750, so a web server may not pass through it",
	}},
	{"symbolic links", func(s *site) {
		s.rename("v1.2.0_main.py", "elsewhere.py")
		s.link("elsewhere.py", "v1.2.0_main.py")
		s.rename("v1.2.0_lib", "elsewhere")
		s.link("elsewhere", "v1.2.0_lib")
		s.rename("version", "elsewhere.txt")
		s.link("elsewhere.txt", "version")
	}, bare, []string{
		"v1.2.0 different (2, 34)",
		"demo/v1.2.0_lib is a symbolic link, not a folder",
		"demo/v1.2.0_main.py is a symbolic link, not a file",
		"demo/version is a symbolic link, not a file",
		"note: demo/elsewhere is a folder of no release", "note: demo/elsewhere.py belongs to no release",
		"note: demo/elsewhere.txt belongs to no release",
	}},
	{"a link to nothing", func(s *site) { s.remove("v1.0.0_main.py"); s.link("nowhere", "v1.0.0_main.py") }, first, []string{
		"v1.0.0 different (2, 30)", "demo/v1.0.0_main.py is a symbolic link, not a file",
	}},
	{"a link in place of a manifest", func(s *site) { s.remove("v1.0.0.manifest"); s.link("v1.2.0.manifest", "v1.0.0.manifest") }, first, []string{
		"v1.0.0 different (0, 0)", "demo/v1.0.0.manifest is a symbolic link, not a file",
	}},
	{"a folder in place of a file", func(s *site) { s.remove("v1.0.0_main.py"); s.write("v1.0.0_main.py/x", "") }, first, []string{
		"v1.0.0 different (2, 30)", "demo/v1.0.0_main.py is a folder, not a file",
		"demo/v1.0.0_main.py/x is not in the manifest of v1.0.0",
	}},
	{"a file in place of a folder", func(s *site) { s.remove("v1.1.0"); s.write("v1.1.0", "") }, second, []string{
		"v1.1.0 different (2, 34)", "demo/v1.1.0 is a file, not a folder",
	}},
	{"version is missing", func(s *site) { s.remove("version") }, bare, []string{
		"demo/version is missing: change 4 left v1.2.0 in it",
	}},
	{"version is empty", func(s *site) { s.write("version", "") }, bare, []string{`demo/version holds "", which is not a tag`}},
	{"version is no tag", func(s *site) { s.write("version", "v1.2\n") }, all, []string{
		"v1.0.0 whole (2, 30)", "v1.1.0 whole (2, 34)", "v1.2.0 whole (2, 34)",
		`demo/version holds "v1.2", which is not a tag`,
	}},
	{"version has two lines", func(s *site) { s.write("version", "v1.2.0\nv1.1.0\n") }, bare, []string{
		`demo/version holds "v1.2.0\nv1.1.0", which is not a tag`,
	}},
	{"version is huge", func(s *site) { s.write("version", strings.Repeat("v1.2.0\n", 1000)) }, bare, []string{
		"demo/version has 7000 bytes, more than any tag",
	}},
	{"version is a folder", func(s *site) { s.remove("version"); s.write("version/x", "") }, bare, []string{
		"demo/version is a folder, not a file",
	}},
	{"version has a line feed too few", func(s *site) { s.write("version", "v1.2.0") }, bare, []string{
		"v1.2.0 whole (2, 34)",
		`note: demo/version holds "v1.2.0", and not just the tag and a line feed: it was made by hand`,
	}},
	{"version names nothing", func(s *site) { s.write("version", "v9.0.0\n") }, bare, []string{
		"demo/version names v9.0.0, and there is no such release",
		"note: demo/version names v9.0.0, and change 4 left v1.2.0 in it: it was changed by hand",
	}},
	{"version names another release", func(s *site) { s.write("version", "v1.0.0\n") }, bare, []string{
		"v1.0.0 whole (2, 30)",
		"note: demo/version names v1.0.0, and change 4 left v1.2.0 in it: it was changed by hand",
	}},
	{"version names what is not whole", func(s *site) { s.remove("v1.2.0_main.py") }, first, []string{
		"v1.0.0 whole (2, 30)", "demo/version names v1.2.0, which is not whole: main.py is missing, or has another size",
	}},
	{"version names a damaged manifest", func(s *site) { s.edit("v1.2.0.manifest", flip) }, first, []string{
		"v1.0.0 whole (2, 30)", `demo/version names v1.2.0, whose manifest is damaged: manifest line 1: is not "otactl 1"`,
	}},
	{"a broken log", func(s *site) { s.write(".otactl/log/00000004/entry", "{") }, bare, []string{
		"v1.2.0 whole (2, 34)",
		"demo/.otactl/log/00000004/entry is damaged: log entry: unexpected end of JSON input",
	}},
	{"a log without a beginning", func(s *site) { s.remove(".otactl/log/00000001") }, bare, []string{
		"demo/.otactl/log/00000001/entry is damaged: it is not there",
	}},
	{"a release that is not there", func(*site) {}, verify.Request{Tag: tag("v3.0.0")}, []string{"release v3.0.0 is not on the server"}},
	{"everything", func(s *site) { s.remove(".") }, bare, []string{"project demo is not on the server"}},
}

func TestDamages(t *testing.T) {
	onTargets(t, func(t *testing.T, dir string, open func() store.Store) {
		st := open()
		for _, d := range damages {
			t.Run(d.name, func(t *testing.T) {
				must(t, os.RemoveAll(filepath.Join(dir, string(project))))
				s := newSite(t, dir, st)
				d.act(s)
				s.want(d.verify, d.want...)
			})
		}
	})
}
