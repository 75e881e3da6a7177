//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
)

// newTestSite is a site whose kit has no otactl, and a project with one file.
func newTestSite(t *testing.T, countTrips bool) (*site, load) {
	t.Helper()
	testserver.Need(t, "sshd")
	k := &kit{dir: t.TempDir(), old: map[string][]byte{"v1.0.0_a": []byte("a"), pointer: []byte("v1.0.0\n")}}
	var err error
	if k.account, err = newAccount(k.dir); err != nil {
		t.Fatal(err)
	}
	l := load{"one file", map[string][]byte{"boot.py": []byte("A = 1\n")}}
	if err := l.write(k.files(l), k.staged(l)); err != nil {
		t.Fatal(err)
	}
	s, err := k.newSite(k.dir+"/site", countTrips)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s, l
}

// Scripts are publishers that need no network: the server's folder is on this machine.
func TestDelivery(t *testing.T) {
	s, l := newTestSite(t, false)
	const file, version = "cp $STAGED/v2.0.0_boot.py $DEST/.x; mv $DEST/.x $DEST/v2.0.0_boot.py", "cp $STAGED/version $DEST/.x; mv $DEST/.x $DEST/version"
	for _, c := range []struct{ script, want string }{
		{file + ";" + version, ""},
		{file, "version has other bytes than it should"},
		{version, "v2.0.0_boot.py is not there"},
		{file + "; echo v2.0.0x > $DEST/version", "version has other bytes than it should"},
		{file + ";" + version + "; echo b > $DEST/v1.0.0_a", "v1.0.0_a has other bytes than it should"},
		{file + ";" + version + "; rm $DEST/v1.0.0_a", "v1.0.0_a is not there"},
		{file + ";" + version + "; touch $DEST/.left", ".left was left there"},
		{file + ";" + version + "; echo sorry; exit 3", "exit status 3: sorry"},
	} {
		m := s.run(t.Context(), tool{name: "script", script: c.script}, l, 0)
		if m.Err == nil && c.want != "" || m.Err != nil && (c.want == "" || !strings.Contains(m.Err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.script, m.Err, c.want)
		}
	}
}

// The floor is the login of SSH and a command, as a client and a server of OpenSSH do it: identification with KEXINIT, key
// exchange, service, no key, this key, its signature, channel, command.
func TestFloor(t *testing.T) {
	s, l := newTestSite(t, true)
	floor := tool{name: theFloor, floor: true, script: "exec ssh -F $CONFIG target true"}
	least := 100
	for range 5 {
		m := s.run(t.Context(), floor, l, 0)
		if m.Err != nil {
			t.Fatal(m.Err)
		}
		least = min(least, m.Trips)
	}
	if least < 8 || least > 10 { // versions of OpenSSH differ
		t.Errorf("%d trips, want 8 to 10", least)
	}
}
