package proofs

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// Faults of more than one answer, and those that depend on what the board has been through.

// guarded answers whoever knows the password.
func guarded(w http.ResponseWriter, r *http.Request, content []byte) {
	if user, password, _ := r.BasicAuth(); user != "ann" || password != "se:cret" {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	good(w, r, content)
}

func both(t testing.TB) []tree {
	t.Helper()
	return []tree{release(t, layout.Prefix, "v1.0.0", oldFiles), release(t, layout.Prefix, "v1.0.1", newFiles), pointer("v1.0.1")}
}

func everywhere(h handler) func(string) handler { return func(string) handler { return h } }

func TestBasicAuth(t *testing.T) {
	for name, c := range map[string]struct{ password, want string }{"right": {"se:cret", moves}, "wrong": {"se:cre", stays}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, both(t)...)
			s.spoil(everywhere(guarded))
			b := newVeteran(t)
			b.write(t, conf(s.URL, "user = 'ann'", "passwd = '"+c.password+"'"))
			b.start(t, 3)
			checkWhole(t, b, c.want)
		})
	}
}

// TestRedirectElsewhere sends a board that knows a password to another server, which must not learn it.
func TestRedirectElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := newSite(t, both(t)...)
	s := newSite(t, both(t)...)
	b := newVeteran(t)
	b.write(t, conf(s.URL, "user = 'ann'", "passwd = 'se:cret'"))
	for _, other := range []string{elsewhere.URL, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)} {
		s.spoil(everywhere(redirectTo(other)))
		b.start(t, 3)
		checkWhole(t, b, moves)
		b.write(t, tree{"version": "v1.0.0"})
	}
	here, _, _ := s.seen()
	there, _, _ := elsewhere.seen()
	if len(here) == 0 || len(there) == 0 || here[0].auth == "" {
		t.Fatalf("%d and %d requests", len(here), len(there))
	}
	for _, r := range there {
		if r.auth != "" {
			t.Errorf("%s with the password of another server", r.path)
		}
	}
}

// TestPortal lets every answer be the page of a captive portal, sent at once or where it redirects to.
func TestPortal(t *testing.T) {
	login := newSite(t)
	login.spoil(everywhere(page(portal)))
	for name, wrong := range map[string]handler{
		"page":     page(portal),
		"redirect": moved(302, "Location", func(*http.Request) string { return login.URL + "/login?from=x" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, both(t)...)
			s.spoil(everywhere(wrong))
			b := newVeteran(t)
			b.write(t, conf(s.URL))
			told := b.start(t, starts)
			checkWhole(t, b, stays)
			if told.resets() > 0 {
				t.Errorf("%d resets", told.resets())
			}
		})
	}
}

// TestInTheWay puts something of the user's where a release has something else.
func TestInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		users, more tree   // on the board, in the release
		remove      string // from the board
		want        string
	}{
		"a file where a folder should be":        {tree{"pkg": "mine"}, tree{"pkg/a.py": "a"}, "", stays},
		"a file where a deep folder should be":   {tree{"pkg/sub": "mine"}, tree{"pkg/sub/b/a.py": "a"}, "", stays},
		"a folder where a file should be":        {tree{"pkg/mine": "mine"}, tree{"pkg": "a"}, "", stays},
		"a file of ours where a folder comes":    {nil, tree{"gone.py/a.py": "a"}, "", moves},
		"a file of the user's in a folder":       {tree{"lib/mine.py": "mine"}, tree{"lib/a.py": "a"}, "", moves},
		"a file that the user removed":           {nil, nil, "same.bin", moves},
		"a file of ours that goes, but not here": {nil, nil, "gone.py", moves},
		"state that is a folder":                 {tree{".ota/t/x": "", ".ota/m/x": ""}, nil, "", either},
		"state that is noise":                    {tree{".ota/f": "\x00\xff", ".ota/bad": "\xff\n", ".ota/c": "..", ".ota/n1": "\x00"}, nil, "", moves},
		"a journal that is noise":                {tree{".ota/up": "\x00\xff\n\n"}, nil, "", moves},
		"a journal that is cut":                  {tree{".ota/up": "1 plain v1.0.1\nr 1 main.py\nend 0 "}, nil, "", moves},
		"a journal that is empty":                {tree{".ota/up": ""}, nil, "", moves},
		"version is noise":                       {tree{"version": "\xff\xfe\x00"}, nil, "", moves},
		"version is long":                        {tree{"version": strings.Repeat("1", 20_000)}, nil, "", moves},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, release(t, layout.Prefix, "v1.0.1", newFiles.with(c.more)), pointer("v1.0.1"))
			b := newVeteran(t)
			b.write(t, c.users.orEmpty().with(conf(s.URL)))
			if c.remove != "" {
				if err := os.Remove(filepath.Join(b.dir, c.remove)); err != nil {
					t.Fatal(err)
				}
			}
			told := b.start(t, starts)
			got := b.files(t)
			want := c.want
			if want == either {
				want = stays
				if got["version"] == "v1.0.1" {
					want = moves
				}
			}
			files := running("v1.0.0", oldFiles).with(c.users.orEmpty())
			if want == moves {
				files = c.users.orEmpty().with(running("v1.0.1", newFiles.with(c.more)))
			}
			for name := range files {
				if strings.HasPrefix(name, ".ota/") {
					delete(files, name)
				}
			}
			if diff := differ(got, files.with(tree{"conf.py": got["conf.py"]})); diff != "" {
				t.Errorf("%s\n%s", diff, tail(told.text))
			}
			if told.resets() > resetsAtMost || len(told.raised) > 0 {
				t.Errorf("%d resets, raised %q\n%s", told.resets(), told.raised, tail(told.text))
			}
		})
	}
}

// TestEdited leaves what the user has edited where a release no longer has it.
func TestEdited(t *testing.T) {
	t.Parallel()
	s := newSite(t, both(t)...)
	b := newVeteran(t)
	b.write(t, conf(s.URL).with(tree{"gone.py": "edited", "main.py": "edited"}))
	b.start(t, 3)
	got := b.files(t)
	if diff := differ(got, running("v1.0.1", newFiles).with(tree{"gone.py": "edited", "conf.py": got["conf.py"]})); diff != "" {
		t.Error(diff)
	}
}

// TestMade leaves what the user has made, though a release had the very same and the next one has not.
func TestMade(t *testing.T) {
	t.Parallel()
	made := tree{"made.py": "same as in the release"}
	s := newSite(t, release(t, layout.Prefix, "v1.0.1", newFiles.with(made)), pointer("v1.0.1"))
	b := newVeteran(t)
	b.write(t, conf(s.URL).with(made))
	b.becomes(t, "v1.0.1", newFiles.with(made))
	s.put(release(t, layout.Prefix, "v1.0.2", newFiles).with(pointer("v1.0.2")))
	b.becomes(t, "v1.0.2", newFiles.with(made))
}

// TestBackOff counts the resets of a board whose application polls at each start while no update ever works.
func TestBackOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, both(t)...)
	b := newVeteran(t)
	b.write(t, conf(s.URL))
	s.spoil(func(path string) handler {
		if strings.HasSuffix(path, "_main.py") {
			return flip(7, 4)
		}
		return nil
	})
	const many = 400
	told := b.start(t, many)
	_, _, tries := s.seen()
	t.Logf("%d starts: %d resets, %d downloads", many, told.resets(), tries)
	if told.resets() > many/10 || tries > many/10 || tries < 3 {
		t.Error("that is too often, or never")
	}
	checkWhole(t, b, stays)
}

// TestTrialFaults lets a board that tries out v1.0.1 see servers that do wrong, and starts it until the trial is over.
func TestTrialFaults(t *testing.T) {
	for name, wrong := range map[string]handler{
		"closed": text(""), "portal": page(portal), "1 MB": page(strings.Repeat("x", 1<<20)), "500": status(500),
		"another version": page("v1.0.2\n"), "the old version": page("v1.0.0\n"), "good": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for mode, want := range map[string]string{"bad": stays, "trial": moves} {
				s := newSite(t, both(t)...)
				b := newVeteran(t)
				b.write(t, conf(s.URL, "trial = '"+mode+"'"))
				told := b.start(t, 1)
				if wrong != nil && mode == "bad" {
					s.spoil(func(path string) handler {
						if strings.HasSuffix(path, "/version") {
							return wrong
						}
						return nil
					})
				}
				told.text += b.start(t, 4).text
				checkWhole(t, b, moves)
				told2 := b.start(t, 20)
				checkWhole(t, b, want)
				if told2.resets() > 6 || t.Failed() {
					t.Errorf("%s: %d resets\n%s", mode, told2.resets(), tail(told.text+told2.text))
				}
			}
		})
	}
}

func (f tree) orEmpty() tree {
	if f == nil {
		return tree{}
	}
	return f
}
