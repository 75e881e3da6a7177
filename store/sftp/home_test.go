package sftp

import (
	"errors"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
)

// Without a home folder, what lies in the folder where otactl happens to run is nobody's word: neither on host keys, nor
// on hosts, nor on keys.
func TestNoHome(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{})
	t.Chdir(home(t, map[string]string{
		"known_hosts": slurp(t, s.KnownHosts),
		"config":      "Host *\nProxyCommand touch x\n",
		"id_ed25519":  slurp(t, s.ClientKey),
	}))
	var key *HostKeyError
	if err := wantRefused(t, target(t, s), Config{Identity: s.ClientKey}); !errors.As(err, &key) || !key.Unknown() {
		t.Errorf("with its known_hosts: %v", err)
	}
	var auth *AuthError
	if err := wantRefused(t, target(t, s), Config{HostKey: s.Fingerprint()}); !errors.As(err, &auth) || auth.Keys != 0 {
		t.Errorf("with its keys: %v", err)
	}
}
