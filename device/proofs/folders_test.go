package proofs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// The same name as a folder with folders in it, and as a file.
var (
	asFolder = tree{"pkg/__init__.py": "x = 1\n", "pkg/deep/er/a.py": "", "pkg/deep/b.bin": "\x00", "sole/deep/er/a.py": "", "pkgs.py": "pkgs", "pkg0": "0"}
	asFile   = tree{"pkg": "a file", "sole": "", "pkgs.py": "pkgs", "pkg0": "0"}
)

// TestFolderAndFile turns a folder of a release into a file and back, as updates that stay and as trials that are not confirmed.
func TestFolderAndFile(t *testing.T) {
	for name, way := range map[string][2]tree{"folder to file": {asFolder, asFile}, "file to folder": {asFile, asFolder}} {
		for _, mode := range []string{"plain", "trial", "bad"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				s, b := withFolders(t, way[0])
				b.write(t, conf(s.URL, "trial = '"+mode+"'"))
				s.put(release(t, layout.Prefix, "v1.0.2", oldFiles.with(way[1])).with(pointer("v1.0.2")))
				if mode != "bad" {
					b.becomes(t, "v1.0.2", oldFiles.with(way[1]), "eager")
					return
				}
				told := b.start(t, 3, "eager")
				if diff := differ(b.files(t), running("v1.0.2", oldFiles.with(way[1])).with(b.users(t))); diff != "" {
					t.Fatalf("on trial: %s\n%s", diff, tail(told.text))
				}
				b.becomes(t, "v1.0.1", oldFiles.with(way[0]), "eager")
			})
		}
	}
}

// TestFolderAndFileCut resets the board in place of each operation that changes the flash while it turns a folder into a file or
// back. In the end it has the new release, or the old one if the new one was not confirmed, and no folder that is empty.
func TestFolderAndFileCut(t *testing.T) {
	for name, way := range map[string][2]tree{"folder to file": {asFolder, asFile}, "file to folder": {asFile, asFolder}} {
		for _, mode := range []string{"plain", "bad"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				s, first := withFolders(t, way[0])
				first.write(t, conf(s.URL, "trial = '"+mode+"'"))
				flash := tree{}
				first.walk(t, func(path string, text []byte) { flash[path] = string(text) })
				s.put(release(t, layout.Prefix, "v1.0.2", oldFiles.with(way[1])).with(pointer("v1.0.2")))
				end, version, enough := way[1], "v1.0.2", 2
				if mode == "bad" {
					end, version, enough = way[0], "v1.0.1", 9
				}
				for n := 1; ; n++ {
					b := newBoard(t, flash)
					cut := fmt.Sprint("cut=", n)
					told := b.start(t, enough, "eager", cut)
					if !strings.Contains(told.text, "#cut") {
						t.Logf("%d cuts", n-1)
						return
					}
					told.text += b.start(t, enough+1, "eager").text
					if diff := differ(b.files(t), running(version, oldFiles.with(end)).with(b.users(t))); diff != "" {
						t.Fatalf("%s: %s\n%s", cut, diff, tail(told.text))
					}
					if empty := b.empty(t); len(empty) > 0 {
						t.Fatalf("%s: %s is empty\n%s", cut, empty, tail(told.text))
					}
				}
			})
		}
	}
}

// empty returns the folders that hold nothing.
func (b *board) empty(t testing.TB) (folders []string) {
	t.Helper()
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		entries, err := os.ReadDir(path)
		if len(entries) == 0 {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// TestFolderOfUsers keeps a folder in which there is something of the user's, however deep, whatever a release wants to put in its place.
func TestFolderOfUsers(t *testing.T) {
	for name, mine := range map[string]tree{
		"made": {"pkg/mine.txt": "mine"}, "made deep": {"pkg/deep/er/mine.txt": "mine"}, "made deeper": {"pkg/deep/er/and/er/mine.txt": "mine"},
		"edited": {"pkg/deep/b.bin": "mine"},
	} {
		for _, mode := range []string{"plain", "trial"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				s, b := withFolders(t, asFolder)
				b.write(t, mine.with(conf(s.URL, "trial = '"+mode+"'")))
				s.put(release(t, layout.Prefix, "v1.0.2", oldFiles.with(asFile)).with(pointer("v1.0.2")))
				b.becomes(t, "v1.0.1", oldFiles.with(asFolder).with(mine))
			})
		}
	}
}

// withFolders returns a board that has installed v1.0.1 with some files more, and its server.
func withFolders(t *testing.T, more tree) (*site, *board) {
	t.Helper()
	s := newSite(t, release(t, layout.Prefix, "v1.0.1", oldFiles.with(more)), pointer("v1.0.1"))
	b := newVeteran(t)
	b.write(t, conf(s.URL))
	b.becomes(t, "v1.0.1", oldFiles.with(more), "eager")
	return s, b
}

// becomes starts a board some times and checks that it then runs a version, and has no other files.
func (b *board) becomes(t *testing.T, version string, files tree, options ...string) {
	t.Helper()
	told := b.start(t, starts, options...)
	if diff := differ(b.files(t), running(version, files).with(b.users(t))); diff != "" {
		t.Fatalf("%s\n%s", diff, tail(told.text))
	}
	if told.resets() > resetsAtMost || len(told.raised) > 0 {
		t.Errorf("%d resets, raised %q\n%s", told.resets(), told.raised, tail(told.text))
	}
}

// users are the files that configure the tests.
func (b *board) users(t testing.TB) tree {
	t.Helper()
	users := tree{}
	for name, text := range b.files(t) {
		if name == "conf.py" || strings.HasPrefix(name, "ca.") {
			users[name] = text
		}
	}
	return users
}
