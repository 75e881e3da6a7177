package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/source"
)

// newEnv is a process without a terminal, in an empty folder, with these variables.
func newEnv(t *testing.T, variables map[string]string, args ...string) (env Env, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return Env{
		Args: args, Stdout: stdout, Stderr: stderr, Dir: t.TempDir(), User: "ann", Host: "desk", Version: "v0.1.0",
		LookupEnv:    func(name string) (string, bool) { text, ok := variables[name]; return text, ok },
		Unsetenv:     func(name string) error { delete(variables, name); return nil },
		Now:          func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		OpenTerminal: func() (*os.File, error) { return nil, errors.New("no terminal") },
	}, stdout, stderr
}

func TestSecretsLeaveTheEnvironment(t *testing.T) {
	variables := map[string]string{
		"OTACTL_SSH_KEY": "key", "OTACTL_SSH_PASSPHRASE": "phrase", "OTACTL_SSH_PASSWORD": "word",
		"OTACTL_SERVE_PASSWORD": "serve", "OTACTL_KEY": "sign", "OTACTL_KEY_PASSPHRASE": "open", "OTACTL_HTTP_PASSWORD": "web",
		"HOME": "/home/ann",
	}
	env, _, _ := newEnv(t, variables)
	if got, want := takeSecrets(env), (secrets{"key", "phrase", "word", "serve", "sign", "open", "web"}); got != want {
		t.Errorf("takeSecrets = %v, want %v", got, want)
	}
	if len(variables) != 1 {
		t.Errorf("still there: %v", variables)
	}
}

func TestMainTakesSecretsBeforeAnythingElse(t *testing.T) {
	variables := map[string]string{"OTACTL_SSH_PASSWORD": "word"}
	env, stdout, stderr := newEnv(t, variables, "no-such-command")
	if code := Main(context.Background(), env); code != exitUsage {
		t.Errorf("exit %d, want %d", code, exitUsage)
	}
	if _, there := variables["OTACTL_SSH_PASSWORD"]; there {
		t.Error("the password is still in the environment")
	}
	if stdout.Len() > 0 || strings.Contains(stderr.String(), "word") && !strings.Contains(stderr.String(), "no-such") {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}

func TestWho(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		want      who
	}{
		"a person": {nil, who{by: "ann@desk"}},
		"GitHub Actions": {
			map[string]string{
				"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "bob", "GITHUB_SHA": "0123", "GITHUB_SERVER_URL": "https://github.com",
				"GITHUB_REPOSITORY": "bob/sample", "GITHUB_RUN_ID": "7",
			},
			who{"bob by GitHub Actions", "0123", "https://github.com/bob/sample/actions/runs/7"},
		},
		"GitLab CI": {
			map[string]string{
				"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "bob", "CI_COMMIT_SHA": "4567", "CI_JOB_URL": "https://gitlab.com/j/9",
			},
			who{"bob by GitLab CI", "4567", "https://gitlab.com/j/9"},
		},
	} {
		env, _, _ := newEnv(t, c.variables)
		if got := newWho(env); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Only the person who runs otactl decides which host gets a password.
func TestPasswordNeedsAPinByHand(t *testing.T) {
	byHand := setting{text: "x", origin: "--host-key"}
	inFile := setting{text: "x", origin: "otactl.toml: host-key", base: "/somewhere"}
	for _, c := range []struct {
		hostKey, known setting
		want           bool
	}{
		{setting{}, setting{}, true}, // the known_hosts of the user
		{byHand, setting{}, true},
		{byHand, inFile, true},
		{inFile, setting{}, false},
		{inFile, byHand, false}, // the pin is what counts then
		{setting{}, inFile, false},
		{setting{}, byHand, true},
	} {
		env, _, _ := newEnv(t, nil)
		call := &call{runner: &runner{env: env}, settings: settings{hostKey: c.hostKey, known: c.known}}
		if got := call.sshConfig().PasswordAllowed; got != c.want {
			t.Errorf("host key %q, known_hosts %q: allowed %v", c.hostKey.origin, c.known.origin, got)
		}
	}
}

func TestConfigKeysAreFlags(t *testing.T) {
	env, _, _ := newEnv(t, nil)
	app := (&runner{env: env}).app()
	var lists []string
	for _, command := range app.Commands {
		for _, f := range flagInfos(command) {
			lists = append(lists, f.Long)
		}
	}
	for _, key := range configKeys() {
		if key != "files" && !slices.Contains(lists, key) {
			t.Errorf("the key %s is no flag", key)
		}
	}
}

// The hoister knows flags before it knows the command, so a flag must be the same everywhere.
func TestFlagsMeanTheSameEverywhere(t *testing.T) {
	env, _, _ := newEnv(t, nil)
	seen := map[string]flagInfo{}
	for _, command := range (&runner{env: env}).app().Commands {
		for _, f := range flagInfos(command) {
			other, ok := seen[f.Long]
			if ok && (other.TakesValue() != f.TakesValue() || other.Short != f.Short) {
				t.Errorf("--%s of %s differs from that of another command", f.Long, command.Name)
			}
			seen[f.Long] = f
			if f.Usage == "" {
				t.Errorf("--%s of %s has no description", f.Long, command.Name)
			}
		}
	}
}

func TestQuietAndPrintable(t *testing.T) {
	env, stdout, stderr := newEnv(t, nil)
	ui := newConsole(env)
	ui.warn("careful: \x1b[2J\u202e")
	ui.quiet = true
	ui.warn("again")
	ui.result("v1\x07")
	if got, want := stderr.String(), "otactl: warning: careful: \ufffd[2J\ufffd\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if got, want := stdout.String(), "v1\ufffd\n"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if len(ui.warnings) != 2 {
		t.Errorf("for the object: %q", ui.warnings)
	}
}

func TestManyWarningsOfOneKind(t *testing.T) {
	env, _, stderr := newEnv(t, nil)
	c := &call{runner: &runner{env: env, ui: newConsole(env)}}
	c.warn([]source.Warning{
		{Path: "a", Text: "is empty"},
		{Path: "b", Line: 3, Text: "is odd"},
		{Path: "c", Text: "is empty"},
		{Path: "d", Line: 4, Text: "is odd"},
		{Path: "e", Text: "is empty"},
		{Path: "f", Text: "is empty"},
		{Path: "g", Text: "is nested"},
	})
	want := `otactl: warning: a, c, e and 1 more: is empty
otactl: warning: b:3: is odd
otactl: warning: d:4: is odd
otactl: warning: g: is nested
`
	if stderr.String() != want || len(c.ui.warnings) != 7 {
		t.Errorf("%s\nfor the object: %q", stderr, c.ui.warnings)
	}
}

// A script that lost the results must not go on as if it had them.
func TestResultsThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil { // only Linux has it
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"help"}, {"help", "--json"}} {
		env, _, stderr := newEnv(t, nil, args...)
		env.Stdout = full
		if code := Main(context.Background(), env); code != exitUnexpected {
			t.Errorf("%q: exit %d, want %d", args, code, exitUnexpected)
		}
		if want := "otactl: error: standard output: write /dev/full: no space left on device\n"; stderr.String() != want {
			t.Errorf("%q: stderr %q, want %q", args, stderr, want)
		}
	}
}

// What a flag can say, its variable can say too.
func TestEveryFlagHasAVariable(t *testing.T) {
	for _, name := range []string{"publish", "rollback", "prune", "check", "status", "init", "device", "serve"} {
		byFlag, byVariable, variables := []string{name}, []string{name}, map[string]string{}
		env, _, _ := newEnv(t, variables)
		for _, f := range flagInfos((&runner{env: env}).app().Command(name)) {
			value := "true"
			switch {
			case f.Long == "config", // read at once: it has a story of its own in config.txtar
				f.Long == "key": // whose variable is the text of a key, not the name of a file
				continue
			case f.Long == "timeout", f.Long == "settle":
				value = "7s"
			case f.TakesValue():
				value = "7"
			}
			byFlag = append(byFlag, "--"+f.Long+"="+value)
			variables[variable(f.Long)] = value
		}
		want := settingsOf(t, env, byFlag, nil)
		got := settingsOf(t, env, byVariable, variables)
		if want != got || !strings.Contains(want, "true") {
			t.Errorf("%s\nby flags:     %s\nby variables: %s", name, want, got)
		}
	}
}

// settingsOf returns the settings of a command line, without where they came from.
func settingsOf(t *testing.T, env Env, args []string, variables map[string]string) string {
	t.Helper()
	env.LookupEnv = func(name string) (string, bool) { text, ok := variables[name]; return text, ok }
	app := (&runner{env: env, ui: newConsole(env)}).app()
	line, err := parseLine(app, args)
	if err != nil {
		t.Fatal(err)
	}
	var s settings
	app.Command(args[0]).Action = func(c *ucli.Context) (err error) {
		s, err = newSettings(env, c)
		return err
	}
	if err := app.Run(line.argv("otactl")); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*setting{
		&s.project, &s.to, &s.identity, &s.known, &s.hostKey, &s.dir, &s.url, &s.tlsCert, &s.tlsKey, &s.publicKeys, &s.ca, &s.mpyCross,
	} {
		one.origin = ""
	}
	return fmt.Sprintf("%+v", s)
}
