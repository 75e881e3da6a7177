package proofs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// calls are those of the README of each version of micropython_ota, before which a boot.py sets ota_host, project_name and
// filenames, and those that a main.py makes every ten seconds.
var calls = []struct{ version, update, check string }{
	{"v1.0.0", "ota_update(ota_host, project_name, filenames)", "check_for_ota_update(ota_host, project_name)"},
	{"v1.1.0", "ota_update(ota_host, project_name, filenames, reset_device=True)", "check_for_ota_update(ota_host, project_name)"},
	{"v1.2.0", "ota_update(ota_host, project_name, filenames, use_version_prefix=True, reset_device=True, timeout=5)", "check_for_ota_update(ota_host, project_name, timeout=5)"},
	{"v1.2.0 with a password", "ota_update(ota_host, project_name, filenames, user=user, passwd=passwd, reset_device=True)", "check_for_ota_update(ota_host, project_name, user, passwd)"},
	{"v2.0.0", "ota_update(ota_host, project_name, filenames, use_version_prefix=True, hard_reset_device=True, soft_reset_device=False, timeout=5)", "check_for_ota_update(ota_host, project_name, soft_reset_device=False, timeout=5)"},
	{"v2.0.0 with a password", "ota_update(ota_host, project_name, filenames, user=user, passwd=passwd, reset_device=True)", "check_for_ota_update(ota_host, project_name, user=user, passwd=passwd)"},
	{"v2.1.0", "ota_update(ota_host, project_name, filenames, use_version_prefix=True, hard_reset_device=True, soft_reset_device=False, timeout=5)", "check_for_ota_update(ota_host, project_name, soft_reset_device=False, timeout=5)"},
	{"v2.1.0 with a password", "ota_update(ota_host, project_name, filenames, user=user, passwd=passwd, use_version_prefix=True, hard_reset_device=True, soft_reset_device=False, timeout=5)", "check_for_ota_update(ota_host, project_name, user, passwd, 5, True)"},
	{"by position", "ota_update(ota_host, project_name, filenames, True, user, passwd, False, True, 5)", "check_for_ota_update(ota_host, project_name, user, passwd, 5)"},
}

// TestOriginalCalls puts the client on boards whose boot.py and main.py were written for the original, and lets them see
// what people have on their servers.
func TestOriginalCalls(t *testing.T) {
	for _, root := range []struct {
		name string
		kind layout.Kind
		make func(testing.TB, layout.Kind, string, tree) tree
	}{
		{"published", layout.Prefix, release},
		{"published in folders", layout.Directory, release}, // which the manifest says, whatever the call says
		{"made by hand", layout.Prefix, handMade},
		{"made by hand in folders", layout.Directory, handMade},
	} {
		for _, call := range calls {
			if root.name == "made by hand in folders" {
				if !strings.Contains(call.update, "use_version_prefix=True") {
					continue
				}
				call.update = strings.Replace(call.update, "=True", "=False", 1)
			}
			t.Run(root.name+"/"+call.version, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				if strings.Contains(call.update, "passwd") {
					s.spoil(everywhere(guarded))
				}
				b := newBoard(t, client(t), running("v1.0.0", originalFiles(s.URL, call.update, call.check, 0)))
				for i := 1; i < 3; i++ {
					tag := fmt.Sprintf("v1.0.%d", i)
					files := originalFiles(s.URL, call.update, call.check, i)
					s.put(root.make(t, root.kind, tag, files).with(pointer(tag)))
					told := b.start(t, 4, "naps=3")
					if diff := differ(b.files(t), running(tag, files)); diff != "" {
						t.Fatalf("%s\n%s", diff, tail(told.text))
					}
					if told.resets() != 1 {
						t.Errorf("%d resets\n%s", told.resets(), tail(told.text))
					}
				}
			})
		}
	}
}

// TestOriginalPoll lets the application find a new version while it runs.
func TestOriginalPoll(t *testing.T) {
	for _, call := range calls {
		t.Run(call.version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			old, files := originalFiles(s.URL, call.update, call.check, 0), originalFiles(s.URL, call.update, call.check, 1)
			s.put(release(t, layout.Prefix, "v1.0.1", files).with(pointer("v1.0.0")))
			polls := 0
			s.spoil(func(string) handler {
				if polls++; polls == 3 { // one by boot.py, two by main.py
					s.root[project+"/version"] = "v1.0.1\n"
				}
				if strings.Contains(call.update, "passwd") {
					return guarded
				}
				return nil
			})
			b := newBoard(t, client(t), running("v1.0.0", old))
			told := b.start(t, 4, "naps=3")
			if diff := differ(b.files(t), running("v1.0.1", files)); diff != "" {
				t.Errorf("%s\n%s", diff, tail(told.text))
			}
			if strings.Join(told.starts, " ") != "reset reset idle idle" {
				t.Errorf("%s\n%s", told.starts, tail(told.text))
			}
		})
	}
}

// originalFiles are the boot.py and main.py of the original's README.
func originalFiles(host, update, check string, n int) tree {
	return tree{
		"boot.py": "import micropython_ota\n\n# connect to network\n\nota_host = '" + host + "'\nproject_name = 'sample'\n" +
			"filenames = ['boot.py', 'main.py']\nuser = 'ann'\npasswd = 'se:cret' # it's best to place this credential is a secrets.py file\n\n" +
			"micropython_ota." + update + "\n",
		"main.py": "import micropython_ota\nimport utime\n\nota_host = '" + host + "'\nproject_name = 'sample'\nuser = 'ann'\npasswd = 'se:cret'\n\n" +
			fmt.Sprintf("print('#runs %d')\n", n) +
			"while True:\n    # do some other stuff\n    utime.sleep(10)\n    micropython_ota." + check + "\n",
	}
}
