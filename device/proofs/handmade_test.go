package proofs

import (
	"testing"

	"github.com/otactl/otactl/layout"
)

// TestHandMade does without manifests what can be done without them: what is cut off is not installed.
func TestHandMade(t *testing.T) {
	var seen tally
	t.Run("of", func(t *testing.T) {
		for _, f := range answers {
			switch f.name {
			case "captive portal", "empty page", "1 MB", "compressed unasked", "length too short", "two lengths", "a bit at the start", "a bit at the end":
				f.file = "" // another content of the right length cannot be told from the right one
			case "chunked", "chunked in bytes":
				f.file = either // a length is asked for
			}
			for _, spoilt := range []struct{ what, at, want string }{{version, "version", f.version}, {file, "v1.0.1_lib/util.py", f.file}} {
				if spoilt.want == "" {
					continue
				}
				t.Run(f.name+"/"+spoilt.at, func(t *testing.T) {
					t.Parallel()
					f.testHandMade(t, spoilt.at, spoilt.want)
					seen.put(t, f.name, spoilt.what, spoilt.want)
				})
			}
		}
	})
	seen.keep(t, "Faults of a server without manifests", answers, version, file)
}

func (f fault) testHandMade(t *testing.T, at, want string) {
	t.Helper()
	const files = "files = ['boot.py', 'main.py', 'lib/util.py']"
	before := tree{"boot.py": bootPy, "main.py": oldFiles["main.py"], "lib/util.py": oldFiles["lib/util.py"]}
	after := tree{"boot.py": bootPy, "main.py": newFiles["main.py"], "lib/util.py": newFiles["lib/util.py"]}
	s := newSite(t, handMade(t, layout.Prefix, "v1.0.1", after), pointer("v1.0.1"))
	b := newBoard(t, client(t), running("v1.0.0", before), conf(s.URL, files))
	s.spoil(func(path string) handler {
		if path != project+"/"+at || f.times > 0 && s.passed >= f.times {
			return nil
		}
		return f.wrong
	})
	told := b.start(t, 4, "hurry=40")
	got := b.files(t)
	delete(got, "conf.py")
	isOld, isNew := differ(got, running("v1.0.0", before)), differ(got, running("v1.0.1", after))
	if isOld != "" && isNew != "" || want == stays && isOld != "" || want == moves && isNew != "" {
		t.Errorf("should be the %s version: %s; %s\n%s", want, isOld, isNew, tail(told.text))
	}
}

// TestHandMadeUnnamed: without a manifest and without filenames nobody knows what to install.
func TestHandMadeUnnamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, handMade(t, layout.Prefix, "v1.0.1", tree{"main.py": ""}), pointer("v1.0.1"))
	b := newBoard(t, client(t), tree{"boot.py": bootPy}, conf(s.URL))
	told := b.start(t, starts)
	if diff := differ(b.files(t), conf(s.URL).with(tree{"boot.py": bootPy})); diff != "" || told.resets() > 0 {
		t.Errorf("%s\n%s", diff, told.text)
	}
}
