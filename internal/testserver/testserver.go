// Package testserver starts, for tests, the real things that otactl and its devices talk to: OpenSSH's sshd and
// sftp-server, nginx, an SSH server in this process, and two TCP proxies: one that cuts connections at an exact byte and
// one that counts round trips. Only test files import it.
//
// Everything listens on a free port of 127.0.0.1, keeps its files in the test's temporary folder, is ready when the
// function that starts it returns, and is stopped by t.Cleanup. Only processes started here are killed. It needs Linux.
package testserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long anything on this machine may take before a test gives up on it.
const patience = 20 * time.Second

// packages are the Debian packages that programs come with.
var packages = map[string]string{
	"nginx":       "nginx-light",
	"proftpd":     "proftpd-core and proftpd-mod-crypto",
	"sftp":        "openssh-client",
	"sftp-server": "openssh-sftp-server",
	"ssh":         "openssh-client",
	"sshd":        "openssh-server",
}

// folders hold programs that are not in everybody's PATH.
var folders = []string{"/usr/sbin", "/usr/local/sbin", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh"}

// Need returns the path of a program, looked for at paths, in PATH and where distributions put servers. If it is not
// there the test ends as by [Skip], saying which package to install.
func Need(t testing.TB, program string, paths ...string) string {
	t.Helper()
	for _, folder := range folders {
		paths = append(paths, filepath.Join(folder, program))
	}
	for _, path := range append(paths, program) {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	pkg := packages[program]
	if pkg == "" {
		pkg = program
	}
	Skip(t, "no %s here: apt-get install %s", program, pkg)
	return ""
}

// NeedRoot ends the test as by [Skip] unless it runs as root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "needs root")
	}
}

// Skip ends a test that cannot run here and says why. With CI=true that is a failure: a gate that skips stands open.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("must not be skipped with CI=true: "+format, args...)
	}
	t.Skipf(format, args...)
}

// tempDir is t.TempDir by its real path.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// logOnFailure shows what a server had to say.
func logOnFailure(t testing.TB, file string) {
	t.Cleanup(func() {
		if text, err := os.ReadFile(file); err == nil && t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(file), text)
		}
	})
}
