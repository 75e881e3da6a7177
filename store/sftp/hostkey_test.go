package sftp

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func TestUnknownHost(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	empty := home(t, map[string]string{"known_hosts": ""})
	err := wantRefused(t, target(t, s), usable(t, s, Config{KnownHosts: filepath.Join(empty, ".ssh/known_hosts")}))
	var key *HostKeyError
	if !errors.As(err, &key) || !key.Unknown() || key.Got != s.Fingerprint() {
		t.Fatalf("got %v", err)
	}
	want := fmt.Sprintf("%s: shows host key %s (ssh-ed25519), but %s is not in %s/.ssh/known_hosts", s.Addr, s.Fingerprint(), s.Addr, empty)
	if err.Error() != want {
		t.Errorf("\n got %s\nwant %s", err, want)
	}
	// Without any file at all, too.
	cfg := usable(t, s, Config{})
	cfg.KnownHosts = ""
	if err := wantRefused(t, target(t, s), cfg); !errors.As(err, &key) || !key.Unknown() {
		t.Errorf("got %v", err)
	}
}

func TestChangedHostKey(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	other := testserver.NewKey(t, "ed25519", filepath.Join(t.TempDir(), "k"))
	h := home(t, map[string]string{"known_hosts": "# comment\n" + knownhosts.Line([]string{s.Addr}, other) + "\n"})
	cfg := usable(t, s, Config{Home: h})
	cfg.KnownHosts = ""
	err := wantRefused(t, target(t, s), cfg)
	var key *HostKeyError
	if !errors.As(err, &key) || key.Unknown() || key.Line != 2 {
		t.Fatalf("got %v", err)
	}
	want := fmt.Sprintf("%s: shows host key %s (ssh-ed25519), but %s/.ssh/known_hosts:2 has %s",
		s.Addr, s.Fingerprint(), h, ssh.FingerprintSHA256(other))
	if err.Error() != want {
		t.Errorf("\n got %s\nwant %s", err, want)
	}
	err = wantRefused(t, target(t, s), usable(t, s, Config{HostKey: ssh.FingerprintSHA256(other)}))
	want = fmt.Sprintf("%s: shows host key %s (ssh-ed25519), but %s was pinned", s.Addr, s.Fingerprint(), ssh.FingerprintSHA256(other))
	if err.Error() != want {
		t.Errorf("\n got %s\nwant %s", err, want)
	}
}

func TestRevokedHostKey(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	text := slurp(t, s.KnownHosts) + "@revoked * " + string(ssh.MarshalAuthorizedKey(s.HostKeys[0]))
	file := filepath.Join(home(t, map[string]string{"known_hosts": text}), ".ssh/known_hosts")
	err := wantRefused(t, target(t, s), usable(t, s, Config{KnownHosts: file}))
	var key *HostKeyError
	if !errors.As(err, &key) || !key.Revoked {
		t.Errorf("got %v", err)
	}
}

// A host that is known by one of its keys is not an attacker because it has others.
func TestKnownByOneOfManyKeys(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{HostKeys: []string{"ed25519", "ecdsa", "rsa"}})
	for _, key := range s.HostKeys {
		file := filepath.Join(home(t, map[string]string{"known_hosts": knownhosts.Line([]string{s.Addr}, key) + "\n"}), ".ssh/known_hosts")
		works(t, dial(t, s, Config{KnownHosts: file}))
		works(t, dial(t, s, Config{HostKey: ssh.FingerprintSHA256(key)}))
		works(t, dial(t, s, Config{HostKey: string(ssh.MarshalAuthorizedKey(key))}))
	}
}

func TestHashedAndAliased(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	host, port, err := net.SplitHostPort(s.Addr)
	try(t, err)
	hashed := knownhosts.HashHostname(knownhosts.Normalize(s.Addr)) + " " + string(ssh.MarshalAuthorizedKey(s.HostKeys[0]))
	h := home(t, map[string]string{
		"known_hosts": hashed,
		"aliases":     "theserver " + string(ssh.MarshalAuthorizedKey(s.HostKeys[0])),
		"config": fmt.Sprintf("Host box\n HostName %s\n Port %s\n User %s\n IdentityFile %s\n"+
			"Host aliased\n HostName %s\n Port %s\n User %s\n HostKeyAlias TheServer\n UserKnownHostsFile %%d/.ssh/nothing ~/.ssh/aliases\n IdentityFile ~/.ssh/id_%%r\n",
			host, port, s.User, s.ClientKey, host, port, s.User),
		"id_" + s.User: slurp(t, s.ClientKey),
	})
	for _, name := range []string{"box", "aliased"} {
		f, err := Dial(t.Context(), Target{Host: name, Path: s.Root}, Config{Home: h})
		try(t, err)
		works(t, f)
		try(t, f.Close())
	}
}
