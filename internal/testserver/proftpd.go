package testserver

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// ProFTPD starts ProFTPD with its mod_sftp, which shares no code with OpenSSH. The user who runs the test can log in with
// ClientKey; what the server makes is as by umask 022. Each connection has a server of its own, as with [Sshd].
func ProFTPD(t testing.TB) *SSH {
	t.Helper()
	proftpd := Need(t, "proftpd")
	s := newSSH(t, nil)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.User = me.Username
	config := writeFile(t, filepath.Join(s.dir, "proftpd.conf"), proftpdConfig(t, s, me))
	if out, err := exec.Command(proftpd, "-t", "-c", config).CombinedOutput(); err != nil {
		t.Fatalf("proftpd -t: %v\n%s", err, out)
	}
	logOnFailure(t, filepath.Join(s.dir, "sftp.log"))
	sessions := &sessions{}
	s.kill = sessions.kill
	t.Cleanup(sessions.stop)
	s.Serve(func(conn *net.TCPConn) {
		sessions.serve(conn, exec.Command(proftpd, "-c", config))
	})
	return s
}

func proftpdConfig(t testing.TB, s *SSH, me *user.User) string {
	t.Helper()
	file := func(name string) string { return filepath.Join(s.dir, name) }
	// "*" is no password that anybody has.
	writeFile(t, file("passwd"), fmt.Sprintf("%s:*:%s:%s::%s:/bin/sh\n", me.Username, me.Uid, me.Gid, s.Root))
	writeFile(t, file("authorized"), rfc4716(t, s.ClientKey+".pub"))
	return strings.Join([]string{
		"ModulePath /usr/lib/proftpd",
		"LoadModule mod_sftp.c",
		"ServerType inetd",
		"DefaultServer on",
		"UseIPv6 off",
		"UseReverseDNS off",
		"RootLogin on",
		"UseFtpUsers off", // a list of names that Debian refuses, root among them
		"WtmpLog off",
		"TransferLog none",
		"SystemLog " + file("proftpd.log"),
		"PidFile " + file("proftpd.pid"),
		"ScoreboardFile none",
		"DelayEngine off",
		"AuthUserFile " + file("passwd"),
		"AuthOrder mod_auth_file.c",
		"RequireValidShell off",
		"AllowOverwrite on",
		"Umask 022",
		"SFTPEngine on",
		"SFTPLog " + file("sftp.log"),
		"SFTPHostKey " + s.hostKeyFile(0),
		"SFTPAuthMethods publickey",
		"SFTPAuthorizedUserKeys file:" + file("authorized"),
	}, "\n") + "\n"
}

// rfc4716 is the public key in the form in which mod_sftp takes it.
func rfc4716(t testing.TB, publicKey string) string {
	t.Helper()
	text, err := os.ReadFile(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, "---- BEGIN SSH2 PUBLIC KEY ----")
	for encoded := strings.Fields(string(text))[1]; encoded != ""; {
		n := min(70, len(encoded))
		fmt.Fprintln(&b, encoded[:n])
		encoded = encoded[n:]
	}
	fmt.Fprintln(&b, "---- END SSH2 PUBLIC KEY ----")
	return b.String()
}
