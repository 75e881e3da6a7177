package proofs

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
)

// What the person who runs otactl may not read is named, and nothing is sent. Root may read everything, so nobody runs it.
func TestUnreadable(t *testing.T) {
	testserver.NeedRoot(t)
	dir, target := passable(t), passable(t)
	for _, name := range []string{"key", "known_hosts", "main.py", "otactl.toml"} {
		writeSource(t, filepath.Join(dir, name), "text")
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty := filepath.Join(dir, "empty.toml")
	writeSource(t, empty, "")
	const server = "sftp://ota@127.0.0.1:1/srv"
	for name, test := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"key": {
			[]string{"status", "--config", empty, "--to", server, "--identity", "key", "--host-key", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
			2,
			"otactl: error: private key key: permission denied\n" +
				"otactl: hint: --identity FILE names a private key, OTACTL_SSH_KEY holds the text of one\n",
		},
		"known_hosts": {
			[]string{"status", "--config", empty, "--to", server, "--known-hosts", "known_hosts"},
			2,
			"otactl: error: known_hosts: open known_hosts: permission denied\n",
		},
		"source": {
			[]string{"publish", "v1.0.0", "main.py", "--config", empty, "--to", target},
			3,
			"otactl: error: open main.py: permission denied\notactl: hint: nothing was sent to the server\n",
		},
		"configuration": {
			[]string{"publish", "v1.0.0", "main.py", "--to", target},
			2,
			"otactl: error: config otactl.toml: permission denied\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(binary(t), append(test.args, "--project", string(project))...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			cmd.Dir, cmd.Env = dir, []string{"HOME=/nonexistent"}
			out, _ := cmd.CombinedOutput()
			if exit := cmd.ProcessState.ExitCode(); exit != test.exit || string(out) != test.want {
				t.Errorf("exit %d:\n%swant %d:\n%s", exit, out, test.exit, test.want)
			}
			if sent, err := os.ReadDir(target); err != nil || len(sent) > 0 {
				t.Errorf("there is %v, %v", sent, err)
			}
		})
	}
}
