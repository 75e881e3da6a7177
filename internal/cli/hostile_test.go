package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
)

// What a terminal could take for a command is escaped in the object too; the text stays the same.
func TestObjectIsPrintable(t *testing.T) {
	env, stdout, _ := newEnv(t, nil)
	c := newConsole(env)
	hostile := "a\x1b[31m\x7f\u009b31m\u202eb\u2028\U000e0041 größe 温度 <&>"
	c.object("log", &explained{}, &logOutcome{Project: "p", Changes: []changeOutcome{{By: hostile}}})
	if got := stdout.String(); got != printable(got) || !strings.HasSuffix(got, "}\n") || !strings.Contains(got, "größe 温度 <&>") {
		t.Errorf("printed %q", got)
	}
	var back struct {
		Result struct{ Changes []struct{ By string } }
	}
	if err := json.Unmarshal(stdout.Bytes(), &back); err != nil || back.Result.Changes[0].By != hostile {
		t.Errorf("read back %+v, %v", back, err)
	}
}

// A configuration is small. Whatever is named instead, it does not fill the memory.
func TestHugeConfig(t *testing.T) {
	env, _, stderr := newEnv(t, nil, "status", "--config", "/dev/zero")
	if code := Main(context.Background(), env); code != exitUsage || stderr.String() != "otactl: error: config /dev/zero: larger than 1 MiB\n" {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// full is an output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A change that was made and could not be reported is not taken for one that failed.
func TestDoneButNotPrinted(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}, {"--dry-run"}} {
		env, _, stderr := newEnv(t, nil, append([]string{"publish", "v1.0.0", "main.py", "-C", ".", "--to", ".", "--project", "demo"}, args...)...)
		t.Chdir(env.Dir)
		if err := os.WriteFile(filepath.Join(env.Dir, "main.py"), []byte("1"), 0o600); err != nil {
			t.Fatal(err)
		}
		env.Stdout = full{}
		code := Main(context.Background(), env)
		hint := bytes.Contains(stderr.Bytes(), []byte("otactl: hint: the publish itself is done; only its result could not be written\n"))
		dry := len(args) == 1 && args[0] == "--dry-run"
		if code != exitUnexpected || hint == dry {
			t.Errorf("%q exits %d: %s", args, code, stderr)
		}
	}
}

// That the server root must exist is only said of the server root.
func TestAbsence(t *testing.T) {
	inside := &fs.PathError{Op: "read", Path: "demo/x", Err: fs.ErrNotExist}
	if e := explain("publish", inside); e.code != exitRefused || len(e.hints) != 0 {
		t.Errorf("below the root: %+v", e)
	}
	if e := explain("publish", &store.RefusedError{Target: "/srv", Err: fs.ErrNotExist}); e.code != exitRefused || len(e.hints) != 1 {
		t.Errorf("the root: %+v", e)
	}
}
