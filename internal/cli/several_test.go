package cli

import (
	"testing"
)

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"--to=sftp://ota@host:22/srv": "--to=sftp://ota@host:22/srv", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'",
		"~/x": "'~/x'", "a\nb": "'a\nb'",
	} {
		if got := shellWord(text); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", text, got, want)
		}
	}
}

// What completes a bare rollback names the release: the next one before would be another one.
func TestAgain(t *testing.T) {
	env, _, _ := newEnv(t, nil, "rollback", "--to", "a b")
	c := &call{runner: &runner{env: env}}
	if got, want := c.again(&rollbackOutcome{Tag: "v1.0.0"}), "otactl rollback --to 'a b' v1.0.0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	c.args = []string{"v1.0.0"}
	if got, want := c.again(&rollbackOutcome{Tag: "v1.0.0"}), "otactl rollback --to 'a b'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Each target is busy with something of its own; the progress tells of those that the others wait for.
func TestProgressOfSeveral(t *testing.T) {
	env, _, stderr := newEnv(t, nil)
	ui := newConsole(env)
	var calls []*call
	for _, name := range []string{"a", "b", "c"} {
		calls = append(calls, &call{runner: &runner{ui: ui.under(name)}})
	}
	calls[0].ui.progress(func() string { return "sending 2 files" })
	calls[1].ui.progress(func() string { return waiting })
	if got, want := doing(calls), "a: sending 2 files; 2 of 3 wait"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	calls[2].ui.warn("old")
	if got, want := stderr.String(), "otactl: warning: c: old\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(ui.warnings) != 1 || ui.warnings[0] != "c: old" {
		t.Errorf("kept: %q", ui.warnings)
	}
}

// A bucket is one target, whatever is said of how to ask it.
func TestOneBucketTwice(t *testing.T) {
	env, _, _ := newEnv(t, nil)
	c := &call{runner: &runner{env: env, ui: newConsole(env)}}
	for second, same := range map[string]bool{"s3://fleet/ota?region=eu-west-1": true, "s3://fleet/ota?path-style=true": true, "s3://fleet/lab": false} {
		c.to = setting{text: second, many: []string{"s3://fleet/ota", second}, origin: "--to"}
		if _, err := c.each(); (err != nil) != same {
			t.Errorf("%s: %v", second, err)
		}
	}
}
