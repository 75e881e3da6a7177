package testserver

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// SshdOptions say how an sshd differs from one that Debian installs.
type SshdOptions struct {
	Subsystem string   // command of the sftp subsystem, for example SFTPServerPath(t) + " -u 077"; default internal-sftp
	OpenFiles int      // files and connections that a Subsystem which is not internal-sftp may have open; 0: no limit
	HostKeys  []string // types of its host keys: "ed25519" (the default), "rsa", "ecdsa"
	Config    []string // lines of sshd_config(5) that come first, so that they win
}

// Sshd starts OpenSSH's sshd. The user who runs the test can log in with ClientKey.
//
// Each connection has an sshd of its own (sshd -i), so that no port has to be guessed and no connection counts for
// another: neither MaxStartups nor the penalties of sshd 9.8 for connections that are cut before login apply.
func Sshd(t testing.TB, opts SshdOptions) *SSH {
	t.Helper()
	sshd := Need(t, "sshd")
	s := newSSH(t, opts.HostKeys)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.User = me.Username
	if os.Geteuid() == 0 {
		// The folder without permissions that sshd confines itself to; Debian's init script makes it.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := writeFile(t, filepath.Join(s.dir, "sshd_config"), sshdConfig(s, opts))
	if out, err := exec.Command(sshd, "-t", "-f", config).CombinedOutput(); err != nil {
		t.Fatalf("sshd -t: %v\n%s", err, out)
	}
	logFile := filepath.Join(s.dir, "sshd.log")
	logOnFailure(t, logFile)
	sessions := &sessions{}
	s.kill = sessions.kill
	t.Cleanup(sessions.stop)
	s.Serve(func(conn *net.TCPConn) {
		sessions.serve(conn, exec.Command(sshd, "-i", "-f", config, "-E", logFile))
	})
	return s
}

func sshdConfig(s *SSH, opts SshdOptions) string {
	lines := append([]string{}, opts.Config...)
	for i := range s.HostKeys {
		lines = append(lines, "HostKey "+s.hostKeyFile(i))
	}
	subsystem := opts.Subsystem
	if subsystem == "" {
		subsystem = "internal-sftp"
	}
	if opts.OpenFiles > 0 {
		subsystem = fmt.Sprintf("ulimit -n %d; exec %s", opts.OpenFiles, subsystem) // the user's shell runs it
	}
	lines = append(lines,
		"AuthorizedKeysFile "+s.ClientKey+".pub",
		"PidFile none",
		"LogLevel VERBOSE",
		"UsePAM no", // a key needs none, and pam_loginuid fails in containers
		"UseDNS no",
		"StrictModes no", // temporary folders are not below a home folder
		"PermitRootLogin yes",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"Subsystem sftp "+subsystem,
	)
	return strings.Join(lines, "\n") + "\n"
}

// SFTPServerPath returns the path of OpenSSH's sftp-server, or ends the test as by [Skip].
func SFTPServerPath(t testing.TB) string {
	t.Helper()
	return Need(t, "sftp-server")
}

// sessions are the sshd processes of open connections.
type sessions struct {
	mu      sync.Mutex
	running map[*process]bool
	stopped bool
}

// serve hands a connection to a server that talks on its standard input, and waits until it has ended.
func (s *sessions) serve(conn *net.TCPConn, cmd *exec.Cmd) {
	file, err := conn.File()
	_ = conn.Close() // the server's copy is to be the only one
	if err != nil {
		return
	}
	cmd.Stdin, cmd.Stdout = file, file
	p := s.start(cmd)
	_ = file.Close()
	if p == nil {
		return
	}
	<-p.done
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, p)
}

func (s *sessions) start(cmd *exec.Cmd) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	p, err := start(cmd)
	if err != nil {
		return nil
	}
	if s.running == nil {
		s.running = map[*process]bool{}
	}
	s.running[p] = true
	return p
}

// kill ends all sessions, as a server that crashes does.
func (s *sessions) kill() {
	s.mu.Lock()
	running := make([]*process, 0, len(s.running))
	for p := range s.running {
		running = append(running, p)
	}
	s.mu.Unlock()
	for _, p := range running {
		p.kill()
	}
}

func (s *sessions) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.kill()
}
