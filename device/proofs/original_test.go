package proofs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// calls are those of the README of each version of micropython_ota, before which a boot.py sets ota_host, project_name and
// filenames, and those that a main.py makes every ten seconds.
var calls = []struct{ version, update, check string }{
	{
		"v1.0.0",
		"ota_update(ota_host, project_name, filenames)",
		"check_for_ota_update(ota_host, project_name)",
	},
	{
		"v1.1.0",
		"ota_update(ota_host, project_name, filenames, reset_device=True)",
		"check_for_ota_update(ota_host, project_name)",
	},
	{
		"v1.1.0 by position",
		"ota_update(ota_host, project_name, filenames, True)",
		"check_for_ota_update(ota_host, project_name)",
	},
	{
		"v1.2.0",
		"ota_update(ota_host, project_name, filenames, use_version_prefix=True, reset_device=True, timeout=5)",
		"check_for_ota_update(ota_host, project_name, timeout=5)",
	},
	{
		"v1.2.0 with a password",
		"ota_update(ota_host, project_name, filenames, user=user, passwd=passwd, reset_device=True)",
		"check_for_ota_update(ota_host, project_name, user, passwd)",
	},
	{
		"v2.0.0",
		"ota_update(ota_host, project_name, filenames, use_version_prefix=True, hard_reset_device=True, soft_reset_device=False, timeout=5)",
		"check_for_ota_update(ota_host, project_name, soft_reset_device=False, timeout=5)",
	},
	{
		"v2.0.0 with a password",
		"ota_update(ota_host, project_name, filenames, user=user, passwd=passwd, reset_device=True)",
		"check_for_ota_update(ota_host, project_name, user=user, passwd=passwd)",
	},
	{
		"v2.1.0",
		"ota_update(ota_host, project_name, filenames, use_version_prefix=True, hard_reset_device=True, soft_reset_device=False, timeout=5)",
		"check_for_ota_update(ota_host, project_name, soft_reset_device=False, timeout=5)",
	},
	{
		"v2.1.0 with a password",
		"ota_update(ota_host, project_name, filenames, user=user, passwd=passwd, use_version_prefix=True, " +
			"hard_reset_device=True, soft_reset_device=False, timeout=5)",
		"check_for_ota_update(ota_host, project_name, user, passwd, 5, True)",
	},
	{
		"by position",
		"ota_update(ota_host, project_name, filenames, True, user, passwd, False, True, 5)",
		"check_for_ota_update(ota_host, project_name, user, passwd, 5)",
	},
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

// TestOriginalFunctions calls the functions that an application may have for itself.
func TestOriginalFunctions(t *testing.T) {
	t.Parallel()
	s := newSite(t, both(t)...)
	s.spoil(everywhere(guarded))
	b := newVeteran(t)
	ipv6 := strings.Replace(s.URL, "127.0.0.1", "[::1]", 1)
	b.write(t, tree{"boot.py": "from micropython_ota import ota_update, check_for_ota_update, check_version, generate_auth\n" +
		"auth = generate_auth('ann', 'se:cret')\n" +
		"for call in (\n" +
		"    lambda: auth, generate_auth, lambda: generate_auth(user='ann'),\n" +
		"    lambda: check_version('" + s.URL + "', 'sample', auth, 5), lambda: check_version('" + s.URL + "/', 'sample', auth=auth),\n" +
		"    lambda: check_version('" + s.URL + "', 'sample'), lambda: check_version('" + s.URL + "', 'other', auth=auth, timeout=5),\n" +
		"    lambda: check_version('" + ipv6 + "', 'sample', auth), lambda: ota_update('" + ipv6 + "', 'sample', ['boot.py']),\n" +
		"    lambda: check_for_ota_update('" + ipv6 + "', 'sample'),\n" +
		"):\n    print('#is', call())\n", "main.py": ""})
	told := b.start(t, 1)
	var got []string
	for line := range strings.Lines(told.text) {
		if what, ok := strings.CutPrefix(line, "#is "); ok {
			got = append(got, strings.TrimSpace(what))
		}
	}
	want := []string{
		"YW5uOnNlOmNyZXQ=", "None", "None", "(True, 'v1.0.1')", "(True, 'v1.0.1')",
		"(False, 'v1.0.0')", "(False, 'v1.0.0')", "(False, 'v1.0.0')", "None", "None", // an address of IPv6 is refused, as by the original
	}
	if !slices.Equal(got, want) || told.resets() > 0 {
		t.Errorf("%q\n%s", got, told.text)
	}
}

// TestPolls lets an application that never collects garbage poll in a small heap, 7 KB of which tests/board.py takes.
func TestPolls(t *testing.T) {
	t.Parallel()
	const times = 30
	s := newSite(t, pointer("v1.0.0"))
	b := newBoard(t, client(t), tree{"version": "v1.0.0", "main.py": "import micropython_ota\n" +
		fmt.Sprintf("for i in range(%d):\n    micropython_ota.check_for_ota_update('%s', 'sample')\n", times, s.URL)})
	b.heap = 40
	told := b.start(t, 1)
	if log, _, _ := s.seen(); len(log) != times || strings.Contains(told.text, "ota:") {
		t.Errorf("%d polls of %d\n%s", len(log), times, tail(told.text))
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
