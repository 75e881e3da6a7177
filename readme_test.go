package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
)

// README.md must be true: what it shows is run here, and what it lists is compared with the code.
// What concerns servers is in readme_servers_test.go.

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var fenced = regexp.MustCompile("(?ms)^```([a-z_]+)\n(.*?)^```\n")

// block returns the first code block in a language below a heading; "" is the beginning of README.
func block(t *testing.T, heading, language string) string {
	t.Helper()
	_, text, ok := strings.Cut(readFile(t, "README.md"), heading)
	for _, match := range fenced.FindAllStringSubmatch(text, -1) {
		if match[1] == language && ok {
			return match[2]
		}
	}
	t.Fatalf("README has no %s below %q", language, heading)
	return ""
}

// prose is README without its code blocks.
func prose(t *testing.T) string {
	t.Helper()
	return fenced.ReplaceAllString(readFile(t, "README.md"), "")
}

// shell runs a script as a user would, with otactl in the PATH, and returns all that it prints. The variables of a CI job
// that this test may run in are none of its.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "OTACTL_") || strings.HasPrefix(v, "GITHUB_") || strings.HasPrefix(v, "GITLAB_")
	}), append(env, "OTACTL_NO_MPY_CROSS=true")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// sample copies the sample project.
func sample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sample")
	if err := os.CopyFS(dir, os.DirFS("testdata/sample")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadmeSession(t *testing.T) {
	session, root := block(t, "", "console"), t.TempDir()
	var script strings.Builder
	for line := range strings.Lines(session) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			fmt.Fprintf(&script, "cat <<'END'\n%sEND\n%s", line, strings.ReplaceAll(command, "/srv/ota", root))
		}
	}
	if got, want := timeless(shell(t, sample(t), script.String())), timeless(session); got != want {
		t.Errorf("it prints\n%s\nREADME says\n%s", got, want)
	}
}

// README shows a refused publish as it is.
func TestReadmeRefused(t *testing.T) {
	session, root := block(t, "\n### What MicroPython cannot compile\n", "console"), t.TempDir()
	var script strings.Builder
	for line := range strings.Lines(session) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			fmt.Fprintf(&script, "cat <<'END'\n%sEND\n%s || echo exit code $? >>%s/codes\n", line, strings.TrimSuffix(command, "\n"), root)
		}
	}
	if got := shell(t, sample(t), script.String(), "OTACTL_TO="+root, "OTACTL_PROJECT=sample"); got != session {
		t.Errorf("it prints\n%s\nREADME says\n%s", got, session)
	}
	if codes := readFile(t, filepath.Join(root, "codes")); codes != "exit code 3\n" {
		t.Errorf("it exits with %q", codes)
	}
}

// timeless leaves out when something was done, and by whom.
func timeless(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`).ReplaceAllString(text, "TIME")
	return regexp.MustCompile(`(?m) \S+@\S+$`).ReplaceAllString(text, " SOMEBODY")
}

// The first command of README is the demo, which has a test of its own.
func TestReadmeDemo(t *testing.T) {
	if command := block(t, "\n## Try it\n", "sh"); command != "make demo\n" {
		t.Errorf("it is %q", command)
	}
	if !strings.Contains(readFile(t, "Makefile"), "\t@go run ./scripts/demo\n") {
		t.Error("make demo runs something else")
	}
}

// A fresh clone publishes the sample by the one command of README, and a device can install it.
func TestReadmeTryIt(t *testing.T) {
	command, clone := block(t, "This publishes the sample", "sh"), t.TempDir()
	if strings.Count(command, "\n") != 1 {
		t.Errorf("more than one command:\n%s", command)
	}
	copyClone(t, clone)
	out := shell(t, clone, command, "GOPROXY=off")
	if want := "sample: none -> v1.0.0 (3 files, 938 bytes)\n"; out != want {
		t.Errorf("%s, want %s", out, want)
	}
	if again, want := shell(t, clone, command, "GOPROXY=off"), "sample: v1.0.0 is live already\n"; again != want {
		t.Errorf("again: %s, want %s", again, want)
	}
	device := testserver.Device{
		Base: testserver.Nginx(t, filepath.Join(clone, ".cache/ota")), Project: "sample", Kind: layout.Prefix,
		Files: []string{"boot.py", "main.py", "node.py"},
	}
	tag, contents, err := device.Update()
	if err != nil || tag.String() != "v1.0.0" {
		t.Fatalf("a device gets %v, %v", tag, err)
	}
	for i, name := range device.Files {
		if want := readFile(t, "testdata/sample/"+name); string(contents[i]) != want {
			t.Errorf("%s: a device gets %q", name, contents[i])
		}
	}
}

// copyClone copies what git knows of, or would.
func copyClone(t *testing.T, to string) {
	t.Helper()
	git := testserver.Need(t, "git")
	out, err := exec.Command(git, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		testserver.Skip(t, "not a clone: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // removed and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// The checks that a change has to pass are the test command of README.
func TestReadmeTests(t *testing.T) {
	_, rest, _ := strings.Cut(readFile(t, "README.md"), "and this runs all tests")
	if command := fenced.FindStringSubmatch(rest); command == nil || command[2] != "make test\n" {
		t.Errorf("the test command is %q", command)
	}
	if !strings.Contains(readFile(t, ".ci/run"), "exec make test ") {
		t.Error(".ci/run does not run it")
	}
}

// Every command is in the table of README, in the words of its help.
func TestReadmeCommands(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `(([a-z]+)[^`]*)` \\| (.*) \\|$")
	_, section, _ := strings.Cut(readFile(t, "README.md"), "\n## Commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var table, help []string
	for _, row := range rows.FindAllStringSubmatch(section, -1) {
		table = append(table, strings.ReplaceAll(row[1], `\|`, "|")+": "+row[3])
	}
	for _, name := range commandNames(t) {
		usage, _, _ := strings.Cut(commandHelp(t, name), "\n")
		what := regexp.MustCompile(`(?m)^  ` + name + ` +(.*)$`).FindStringSubmatch(shell(t, ".", "otactl help"))
		help = append(help, strings.TrimPrefix(usage, "otactl ")+": "+what[1])
	}
	if !slices.Equal(table, help) {
		t.Errorf("README has\n%s\nhelp has\n%s", strings.Join(table, "\n"), strings.Join(help, "\n"))
	}
}

func commandNames(t *testing.T) (names []string) {
	t.Helper()
	for _, match := range regexp.MustCompile(`(?m)^  ([a-z]+) +\S`).FindAllStringSubmatch(shell(t, ".", "otactl help"), -1) {
		if match[1] != "otactl" { // an example
			names = append(names, match[1])
		}
	}
	return names
}

func commandHelp(t *testing.T, name string) string {
	t.Helper()
	return shell(t, ".", "otactl help "+name)
}

// Every flag and every variable in README exists.
func TestReadmeFlags(t *testing.T) {
	known := []string{
		"OTACTL_SSH_KEY", "OTACTL_SSH_PASSPHRASE", "OTACTL_SSH_PASSWORD", "OTACTL_SERVE_PASSWORD", "OTACTL_KEY_PASSPHRASE",
		"OTACTL_HTTP_PASSWORD",
	}
	for _, name := range commandNames(t) {
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(commandHelp(t, name), -1) {
			known = append(known, flag, "OTACTL_"+strings.ToUpper(strings.ReplaceAll(flag[2:], "-", "_")))
		}
	}
	used := regexp.MustCompile("`--[a-z-]+").FindAllString(prose(t), -1)
	used = append(used, regexp.MustCompile(`OTACTL_[A-Z_]+`).FindAllString(readFile(t, "README.md"), -1)...)
	for _, name := range used {
		if name = strings.TrimPrefix(name, "`"); !slices.Contains(known, name) {
			t.Errorf("there is no %s", name)
		}
	}
	if len(used) < 20 {
		t.Errorf("found only %q", used)
	}
}

// README names the keys of otactl.toml, and its example is one that otactl takes.
func TestReadmeConfig(t *testing.T) {
	list := regexp.MustCompile(`(?s)Its keys are the names of flags: (.*?)\.`).FindStringSubmatch(prose(t))
	if list == nil {
		t.Fatal("no list of keys")
	}
	named := regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(list[1], -1)
	var want []string
	for _, match := range regexp.MustCompile(`toml:"([a-z-]+)"`).FindAllStringSubmatch(readFile(t, "internal/cli/config.go"), -1) {
		want = append(want, match[1])
	}
	var got []string
	for _, match := range named {
		got = append(got, match[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("README has %q, the code %q", got, want)
	}
	dir := sample(t)
	if err := os.WriteFile(filepath.Join(dir, "otactl.toml"), []byte(block(t, "\n## Set up a project\n", "toml")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, want := shell(t, dir, "otactl check"), "syntax: otactl's own check\nok: 3 files, 938 bytes\n"; out != want {
		t.Errorf("%s, want %s", out, want)
	}
}

// README lists the exit codes that the code has.
func TestReadmeExitCodes(t *testing.T) {
	var table, code []string
	for _, match := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(prose(t), -1) {
		table = append(table, match[1])
	}
	for _, match := range regexp.MustCompile(`(?m)^\texit[A-Z]\w+ += (\d+)`).FindAllStringSubmatch(readFile(t, "internal/cli/explain.go"), -1) {
		code = append(code, match[1])
	}
	if !slices.Equal(table, code) || len(code) == 0 {
		t.Errorf("README has %q, the code %q", table, code)
	}
}

// Every path that README links to is there.
func TestReadmeLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(prose(t), -1)
	for _, link := range links {
		path, _, _ := strings.Cut(link[1], "#")
		if strings.HasPrefix(path, "https://") || path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if len(links) < 8 {
		t.Errorf("found only %q", links)
	}
}
