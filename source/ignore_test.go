package source

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// ignorePatterns and ignorePaths are compared each with each. Paths that end in / are folders.
var (
	ignorePatterns = []string{
		"a.py", "*.py", "?.py", "*", "a*", "*a", "/a.py", "/*.py", "lib/", "/lib/", "lib", "/lib", "lib/a.py", "lib/*", "lib/*.py", "lib/*/",
		"lib/sub/*", "*/a.py", "*/sub", "?ib", "!a.py", "*\n!a.py", "lib/*\n!lib/a.py", "*.py\n!/a.py", "lib\n!lib/a.py", "#a.py", "",
		"a.py  ", "a.py\r", " a.py", "/", "!", "a.py\n!a.py\na.py", "*.*", "**.py", "!!a.py", "a.py#", "\ufeffa.py",
	}
	ignorePaths = []string{"a.py", "b.py", "lib/", "lib/a.py", "lib/sub/", "lib/sub/a.py", "lib/sub/lib/", "lib/sub/lib/a.py", "liba", "a/", "a/a.py", " a.py", "!a.py", "#a.py", "a.py#"}
)

// What the patterns mean is what they mean to git.
func TestIgnoreIsAsInGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Chdir(t.TempDir())
	git(t, "", "init", "-q", ".")
	for _, p := range ignorePaths {
		if dir := path.Dir(p + "x"); os.MkdirAll(dir, 0o755) != nil {
			t.Fatal(dir)
		}
	}
	for _, text := range ignorePatterns {
		rules, errs := parseIgnore(ignoreName, text)
		if len(errs) > 0 {
			continue // refused, so nothing is published that git would hold back
		}
		if err := os.WriteFile(".gitignore", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		// git looks itself at what is a folder.
		ignored := git(t, strings.ReplaceAll(strings.Join(ignorePaths, "\n"), "/\n", "\n"), "check-ignore", "--no-index", "--stdin")
		for _, p := range ignorePaths {
			if got, want := ignores(rules, p), strings.Contains("\n"+ignored, "\n"+strings.TrimSuffix(p, "/")+"\n"); got != want {
				t.Errorf("%q: %q: got %v, git says %v", text, p, got, want)
			}
		}
	}
}

func git(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "core.excludesFile=/dev/null", "-c", "core.quotePath=false"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: nothing is ignored
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

// ignores walks down to a path as walker does.
func ignores(rules ignoreRules, p string) bool {
	name, isDir := strings.CutSuffix(p, "/")
	for i := range name {
		if name[i] == '/' && rules.match(name[:i], true) != "" {
			return true
		}
	}
	return rules.match(name, isDir) != ""
}

func TestIgnoreErrors(t *testing.T) {
	_, errs := parseIgnore(".otaignore", "# ** is fine here\na/**\n\n[ab].py\n\\#a\nok.py\n/\n../x\na//b\n!\n./a\n")
	want := strings.Join([]string{
		`.otaignore:2: "**" is not supported in patterns`,
		`.otaignore:4: "[" is not supported in patterns`,
		`.otaignore:5: "\\" is not supported in patterns`,
		`.otaignore:7: the pattern "/" can match nothing`,
		`.otaignore:8: the pattern "../x" can match nothing`,
		`.otaignore:9: the pattern "a//b" can match nothing`,
		`.otaignore:10: the pattern "!" can match nothing`,
		`.otaignore:11: the pattern "./a" can match nothing`,
	}, "\n")
	if got := errors.Join(errs...).Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzIgnore(f *testing.F) {
	for i, text := range ignorePatterns {
		f.Add(text, ignorePaths[i%len(ignorePaths)])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		rules, errs := parseIgnore(ignoreName, text)
		why := rules.match(name, true)
		if lines := strings.Count(text, "\n") + 1; len(rules)+len(errs) > lines {
			t.Fatalf("%d rules and %d errors in %d lines", len(rules), len(errs), lines)
		}
		if why != "" && rules.match(name, false) == "" && !strings.Contains(text, "/") {
			t.Fatalf("%s is about folders only, and no line is", why)
		}
		// What a line takes back is taken back, whatever stands above it.
		all, bad := parseIgnore(ignoreName, text+"\n!*\n")
		if len(bad) == len(errs) && path.Base(name) != "/" && path.Base(name) != "." && all.match(name, true) != "" {
			t.Fatalf("%q is kept out after !*", name)
		}
	})
}
