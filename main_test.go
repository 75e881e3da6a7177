package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/otactl/otactl/internal/testserver"
)

var update = flag.Bool("update", false, "rewrite the expected outputs in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"otactl": main})
}

// TestScript runs the stories in testdata/script: they are the manual of the command line.
//
// In them, "exits N otactl ..." also checks the exit code, "snapshot DIR" and "unchanged DIR" show that nothing changed in
// a folder, "get URL" is what a device does, and "nginx", "sshd", "gosshd" and "bucket"
// start servers.
func TestScript(t *testing.T) {
	sample, err := filepath.Abs("testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := filepath.Abs(".cache/micropython/mpy-cross")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("SAMPLE", sample)
			env.Setenv("MPY_CROSS", compiler)
			env.Setenv("OTACTL_NO_MPY_CROSS", "true") // what is on the PATH of this machine is no part of a story
			env.Values["t"] = env.T()
			env.Values["snapshots"] = map[string]string{}
			return os.MkdirAll(filepath.Join(home, ".ssh"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "snapshot": snapshot, "unchanged": unchanged, "get": get, "nginx": nginx, "sshd": sshd,
			"gosshd": gosshd, "yesterday": yesterday, "repeat": repeat, "valid": valid,
			"served": served, "flaky": flaky, "bucket": bucket,
			"compiler": needCompiler, "deadport": deadport, "fingerprint": fingerprint,
		},
	})
}

// testing.TB is what the servers want to be stopped with.
func tb(ts *testscript.TestScript) testing.TB {
	t, ok := ts.Value("t").(testing.TB)
	if !ok {
		ts.Fatalf("the script does not run as a test")
	}
	return t
}

// exits CODE COMMAND...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != code {
		ts.Fatalf("%s exits %d, not %d", strings.Join(args[1:], " "), got, code)
	}
}

// snapshot DIR remembers what is in a folder.
func snapshot(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snapshot DIR")
	}
	ts.Value("snapshots").(map[string]string)[args[0]] = picture(ts, args[0])
}

// unchanged DIR compares a folder with what was remembered of it.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unchanged DIR")
	}
	before, ok := ts.Value("snapshots").(map[string]string)[args[0]]
	if !ok {
		ts.Fatalf("there is no snapshot of %s", args[0])
	}
	if now := picture(ts, args[0]); now != before {
		ts.Fatalf("%s has changed\nbefore:\n%s\nnow:\n%s", args[0], before, now)
	}
}

// picture lists the names, modes and contents below a folder.
func picture(ts *testscript.TestScript, dir string) string {
	var lines []string
	err := filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %s", path, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		lines = append(lines, line)
		return nil
	})
	ts.Check(err)
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// get URL prints what a server answers: the body, or the status if it is not 200.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: get URL")
	}
	response, err := http.Get(args[0])
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		body = []byte(response.Status + "\n")
	}
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
}

// nginx DIR serves a folder, and sets HTTP to its URL.
func nginx(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: nginx DIR")
	}
	ts.Setenv("HTTP", testserver.Nginx(tb(ts), ts.MkAbs(args[0])))
}

// served FILE sets HTTP to the first line that otactl serve writes into a file.
func served(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: served FILE")
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if url, _, ok := strings.Cut(string(text), "\n"); ok && err == nil {
			ts.Setenv("HTTP", url)
			return
		}
	}
	ts.Fatalf("no line in %s", args[0])
}

// sshd starts OpenSSH's sshd. It sets SSH_URL to a target, SSH_ROOT to its folder, SSH_ADDR to host:port, SSH_USER,
// SSH_KEY and SSH_KNOWN_HOSTS to what is needed to log in, and SSH_FINGERPRINT to that of the host key.
func sshd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: sshd")
	}
	setSSH(ts, testserver.Sshd(tb(ts), testserver.SshdOptions{}))
}

// gosshd [password=TEXT|silent] starts an SSH server that takes this password, or that never answers.
func gosshd(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: gosshd [password=TEXT] [silent]")
	}
	var opts testserver.GoSSHOptions
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "password":
			opts.Password = value
		case "silent":
			opts.Silent = testserver.SilentTCP
		default:
			ts.Fatalf("usage: gosshd [password=TEXT] [silent]")
		}
	}
	setSSH(ts, testserver.GoSSH(tb(ts), opts).SSH)
}

func setSSH(ts *testscript.TestScript, s *testserver.SSH) {
	ts.Setenv("SSH_URL", s.URL())
	ts.Setenv("SSH_ROOT", s.Root)
	ts.Setenv("SSH_ADDR", s.Addr)
	ts.Setenv("SSH_USER", s.User)
	ts.Setenv("SSH_KEY", s.ClientKey)
	ts.Setenv("SSH_KNOWN_HOSTS", s.KnownHosts)
	ts.Setenv("SSH_FINGERPRINT", s.Fingerprint())
}

// bucket [POLICY] starts an S3 server with a bucket. It sets BUCKET_URL to a target, BUCKET_HTTP to where devices find it, and
// the credentials. With a policy, that is how everybody may read.
func bucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: bucket [POLICY]")
	}
	policy := ""
	if len(args) == 1 {
		policy = ts.ReadFile(args[0])
	}
	s := testserver.Versitygw(tb(ts), policy)
	ts.Setenv("BUCKET_URL", s.URL("ota"))
	ts.Setenv("BUCKET_HTTP", s.Endpoint()+"/"+s.Bucket+"/ota")
	ts.Setenv("BUCKET_ENDPOINT", s.Endpoint())
	ts.Setenv("AWS_ACCESS_KEY_ID", testserver.S3AccessKey)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", testserver.S3SecretKey)
}

var entryTime = regexp.MustCompile(`"time":"[^"]*"`)

// yesterday PROJECT makes all changes of a project older than a day.
func yesterday(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: yesterday PROJECT")
	}
	entries, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), ".otactl/log/*/entry"))
	ts.Check(err)
	for _, name := range entries {
		data, err := os.ReadFile(name)
		ts.Check(err)
		ts.Check(os.WriteFile(name, entryTime.ReplaceAll(data, []byte(`"time":"2024-05-06T07:08:09Z"`)), 0o640))
	}
}

// repeat FILE N TEXT writes a text N times.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(args[2], n)), 0o644))
}

// compiler skips the story where there is no real mpy-cross, which is $MPY_CROSS.
func needCompiler(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: compiler")
	}
	if _, err := os.Stat(ts.Getenv("MPY_CROSS")); err != nil {
		testserver.Skip(tb(ts), "scripts/install-micropython was not run: %v", err)
	}
}

// deadport sets DEAD to a host:port where nobody listens.
func deadport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: deadport")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("DEAD", l.Addr().String())
	ts.Check(l.Close())
}

// fingerprint VAR FILE sets a variable to the fingerprint of a public key.
func fingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fingerprint VAR FILE")
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Setenv(args[0], ssh.FingerprintSHA256(key))
}
