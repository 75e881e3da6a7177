package testserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/otactl/otactl/bench/link"
)

// SSH is a running SSH server and what a client needs to log in there.
type SSH struct {
	*link.Acceptor                 // Addr is host:port
	User           string          // may log in
	Root           string          // an empty folder that the server can write to, by its real path
	HostKeys       []ssh.PublicKey // in the order in which the options named them
	KnownHosts     string          // a known_hosts file with all HostKeys
	ClientKey      string          // the file of a private key that may log in as User; the public one is beside it, with ".pub"

	dir  string // of the server's own files
	kill func()
}

// newSSH listens and makes keys; nobody accepts connections yet.
func newSSH(t testing.TB, hostKeys []string) *SSH {
	t.Helper()
	s := &SSH{Root: tempDir(t), dir: tempDir(t), Acceptor: newAcceptor(t)}
	s.kill = s.CloseAll
	s.ClientKey = filepath.Join(s.dir, "id")
	NewKey(t, "ed25519", s.ClientKey)
	if len(hostKeys) == 0 {
		hostKeys = []string{"ed25519"}
	}
	var known strings.Builder
	for i, kind := range hostKeys {
		key := NewKey(t, kind, s.hostKeyFile(i))
		s.HostKeys = append(s.HostKeys, key)
		known.WriteString(knownhosts.Line([]string{s.Addr}, key) + "\n")
	}
	s.KnownHosts = writeFile(t, filepath.Join(s.dir, "known_hosts"), known.String())
	return s
}

func (s *SSH) hostKeyFile(i int) string { return filepath.Join(s.dir, fmt.Sprintf("host%d", i)) }

// URL returns Root as an otactl target.
func (s *SSH) URL() string { return "sftp://" + s.User + "@" + s.Addr + s.Root }

// Fingerprint returns that of the first host key, as ssh-keygen -l shows it: SHA256:...
func (s *SSH) Fingerprint() string { return ssh.FingerprintSHA256(s.HostKeys[0]) }

// KillSessions ends the server's side of all connections, as a crash does. Others can be made afterwards.
func (s *SSH) KillSessions() { s.kill() }

// Config returns how a client logs in with ClientKey, having checked the host key.
func (s *SSH) Config(t testing.TB) *ssh.ClientConfig {
	t.Helper()
	check, err := knownhosts.New(s.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	return &ssh.ClientConfig{
		User:              s.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(readKey(t, s.ClientKey))},
		HostKeyCallback:   check,
		HostKeyAlgorithms: algorithms(s.HostKeys),
		Timeout:           patience,
	}
}

// algorithms are those that the host keys can sign with: x/crypto would otherwise choose one that is not known.
func algorithms(keys []ssh.PublicKey) []string {
	var names []string
	for _, key := range keys {
		if key.Type() == ssh.KeyAlgoRSA {
			names = append(names, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		names = append(names, key.Type())
	}
	return names
}

// NewKey makes a key pair of type "ed25519", "rsa" or "ecdsa" and writes it to file and file.pub.
func NewKey(t testing.TB, kind, file string) ssh.PublicKey {
	t.Helper()
	private, err := generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(pem.EncodeToMemory(block)))
	writeFile(t, file+".pub", string(ssh.MarshalAuthorizedKey(public)))
	return public
}

func readKey(t testing.TB, file string) ssh.Signer {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func generate(kind string) (crypto.Signer, error) {
	switch kind {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ecdsa":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return nil, fmt.Errorf("key type %q: not ed25519, rsa or ecdsa", kind)
}
