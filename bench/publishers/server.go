//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/otactl/otactl/bench/link"
)

// An account is who logs in, and how the server proves who it is. All servers of a run share it.
type account struct {
	dir   string // of the keys and the configuration of sshd
	login string
	sshd  string
}

func newAccount(dir string) (*account, error) {
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd, err = exec.LookPath("/usr/sbin/sshd")
	}
	if err != nil {
		return nil, fmt.Errorf("%w (apt-get install openssh-server)", err)
	}
	a := &account{dir: dir, login: me.Username, sshd: sshd}
	if os.Geteuid() == 0 {
		// The folder without permissions that sshd confines itself to; Debian's init script makes it.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"id", "host"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", a.path(name)).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	return a, os.WriteFile(a.path("sshd_config"), []byte(a.config()), 0o600)
}

func (a *account) path(name string) string { return filepath.Join(a.dir, name) }

// config is Debian's, but for what keeps it from running in a container, or anybody else from logging in.
func (a *account) config() string {
	return strings.Join([]string{
		"HostKey " + a.path("host"),
		"AuthorizedKeysFile " + a.path("id.pub"),
		"PidFile none",
		"UsePAM no", // a key needs none, and pam_loginuid fails in containers
		"UseDNS no",
		"StrictModes no", // temporary folders are not below a home folder
		"PermitRootLogin yes",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"Subsystem sftp internal-sftp",
		// What the owner of this machine has in .bashrc is not the tools' fault: a pyenv there takes half a second.
		"SetEnv HOME=" + a.dir,
	}, "\n") + "\n"
}

// serve starts an sshd for each connection (sshd -i), so that no connection counts for another, and says when one did not.
func (a *account) serve(l *link.Link) (*link.Acceptor, error) {
	acceptor, err := l.ListenOnServer()
	if err != nil {
		return nil, err
	}
	acceptor.Serve(func(conn *net.TCPConn) {
		file, err := conn.File()
		_ = conn.Close() // sshd's copy is to be the only one
		if err != nil {
			return
		}
		cmd := exec.Command(a.sshd, "-i", "-f", a.path("sshd_config"), "-E", a.path("sshd.log"))
		cmd.Stdin, cmd.Stdout = file, file
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
		err = l.Server.Do(cmd.Start)
		_ = file.Close()
		if err == nil {
			_ = cmd.Wait() // who was refused says so
		}
	})
	return acceptor, nil
}

// quiet waits until all sessions have ended.
func quiet(server *link.Acceptor) error {
	for end := time.Now().Add(20 * time.Second); server.Open() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("a session of sshd does not end")
		}
	}
	return nil
}

// trust writes what a client needs to find a server at addr, host:port, and to know it: known_hosts, and a configuration of ssh in
// which it is called target.
func (a *account) trust(dir, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(a.path("host.pub"))
	if err != nil {
		return err
	}
	name := "[" + host + "]:" + port
	if port == "22" {
		name = host
	}
	config := strings.Join([]string{
		"Host target",
		"HostName " + host,
		"Port " + port,
		"User " + a.login,
		"IdentityFile " + a.path("id"),
		"IdentitiesOnly yes",
		"UserKnownHostsFile " + filepath.Join(dir, "known_hosts"),
		"GlobalKnownHostsFile none",
		"StrictHostKeyChecking yes",
		"UpdateHostKeys no",
		"BatchMode yes",
		"PreferredAuthentications publickey",
		"LogLevel ERROR",
	}, "\n") + "\n"
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(name+" "+string(key)), 0o600),
		os.WriteFile(filepath.Join(dir, "ssh_config"), []byte(config), 0o600),
	)
}
