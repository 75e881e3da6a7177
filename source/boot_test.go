package source_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/source"
)

func bootWarnings(t *testing.T, files map[string]string) string {
	t.Helper()
	return warningsOf(t, files, source.Options{})
}

func warningsOf(t *testing.T, files map[string]string, o source.Options) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	o.Dir = dir
	set, err := source.Collect([]string{"."}, o)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, w := range set.Warnings {
		if text := w.String(); strings.Contains(text, "boot.py:") {
			text = strings.TrimPrefix(text, dir+"/")
			text, _, _ = strings.Cut(text, ",") // the place and the fact
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}

func TestImportsBeforeTheClient(t *testing.T) {
	files := map[string]string{"net.py": "x\n", "lib/config.py": "x\n", "pkg/__init__.py": "x\n", "pkg/a.py": "x\n", "fast.mpy": "x", "lib/deep/b.py": "x\n"}
	for boot, want := range map[string]string{
		"import net\nimport micropython_ota\n":                                    "boot.py:1: imports net",
		"# x\n\n  from net import up  # x\nimport micropython_ota as ota\n":       "boot.py:3: imports net",
		"import machine, net\nimport micropython_ota\n":                           "boot.py:1: imports net",
		"import time; import config\nfrom micropython_ota import x\n":             "boot.py:1: imports config",
		"try:\n\timport pkg.a as b\nexcept OSError: pass\nimport micropython_ota": "boot.py:2: imports pkg.a",
		"from pkg import (a, z)\nimport micropython_ota\n":                        "boot.py:1: imports pkg",
		"import fast\nimport micropython_ota\n":                                   "boot.py:1: imports fast",
		"import deep.b\nimport micropython_ota\n":                                 "boot.py:1: imports deep.b",
		"import lib.config\nimport micropython_ota\n":                             "boot.py:1: imports lib.config",
		"import net, micropython_ota\n":                                           "boot.py:1: imports net",

		"import micropython_ota\nimport net\n":                     "",
		"import micropython_ota, net\n":                            "",
		"import machine\nimport network\nimport micropython_ota\n": "", // none of the release's
		"import net\n":                                          "", // without the client
		"#import net\nimport micropython_ota\n":                 "",
		"important = net\nimportnet\nimport micropython_ota\n":  "",
		"print('import net')\nimport micropython_ota\n":         "",
		"import network; import netx\nimport micropython_ota\n": "",
	} {
		files["boot.py"] = boot
		if got := bootWarnings(t, files); got != want {
			t.Errorf("%q\n%s\nshould be\n%s", boot, got, want)
		}
	}
}

func TestTrialWithoutConfirm(t *testing.T) {
	const warned = "boot.py:2: calls boot()"
	for _, c := range []struct {
		boot, main, want string
	}{
		{"import micropython_ota\nmicropython_ota.boot()\n", "print(1)\n", warned},
		{"import micropython_ota as ota\nstate = ota.boot (tries=3)\n", "# ota.confirm()\n", warned},
		{"from micropython_ota import boot, confirm\nboot()\n", "", warned},
		{"import time, micropython_ota as u\nif u.boot() == 'ok': pass\n", "confirmed(1)\n", warned},

		{"import micropython_ota as ota\nota.boot()\n", "import micropython_ota\nmicropython_ota.confirm()\n", ""},
		{"import micropython_ota as ota\nota.boot()\nota.confirm()\n", "x\n", ""},
		{"import micropython_ota\nmicropython_ota.ota_update()\n", "x\n", ""},
		{"import micropython_ota\nimport wlan\nwlan.boot()\nboot()\n", "x\n", ""},
		{"import micropython_ota as ota\n#ota.boot()\n", "x\n", ""},
	} {
		files := map[string]string{"boot.py": c.boot, "main.py": c.main}
		if c.main == "" {
			delete(files, "main.py")
		}
		if got := bootWarnings(t, files); got != c.want {
			t.Errorf("%q %q\n%s\nshould be\n%s", c.boot, c.main, got, c.want)
		}
	}
	compiled := map[string]string{"boot.py": "import micropython_ota\nmicropython_ota.boot()\n", "app.mpy": "M\x06\x00..confirm.."}
	if got := bootWarnings(t, compiled); got != "" {
		t.Errorf("with a compiled file that has the word: %s", got)
	}
}

// Where releases are signed, a boot.py that forgets the key takes it from the devices.
func TestUpdateWithoutKey(t *testing.T) {
	for _, c := range []struct {
		boot string
		line string
	}{
		{"import micropython_ota\nmicropython_ota.ota_update('http://x', 'p')\n", "2"},
		{"import micropython_ota as ota\nota.boot()\nota.confirm()\nota.update('http://x', 'p') # key='k'\n", "4"},
		{"from micropython_ota import ota_update\nota_update(\n    'http://x', 'p')\n", "2"},
		{"import micropython_ota as ota\nota.ota_update('http://x', 'p', monkey=1)\n", "2"},

		{"import micropython_ota\nmicropython_ota.ota_update('http://x', 'p', key='k')\n", ""},
		{"import micropython_ota as ota\nota.ota_update(\n    'http://x', 'p',\n    key = 'keys.txt')\n", ""},
		{"import micropython_ota as ota\nota.ota_update('http://x', 'p', **options)\n", ""},
		{"import micropython_ota as ota\nota.check_for_ota_update('http://x', 'p')\n", ""}, // installs nothing
		{"import micropython_ota as ota\nd = {}\nd.update(a=1)\nupdate()\n", ""},
		{"import wlan\nwlan.ota_update()\n", ""},
	} {
		files := map[string]string{"boot.py": c.boot}
		want := ""
		if c.line != "" {
			want = "boot.py:" + c.line + ": updates without key="
		}
		if got := warningsOf(t, files, source.Options{Signed: true}); got != want {
			t.Errorf("%q\n%s\nshould be\n%s", c.boot, got, want)
		}
		if got := warningsOf(t, files, source.Options{}); got != "" {
			t.Errorf("not signed: %q\n%s", c.boot, got)
		}
	}
}
