package sftp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// A HostKeyError says that a host has not shown the key that it is known by.
type HostKeyError struct {
	Host  string   // host:port, as it was looked up
	Got   string   // SHA256:..., the key that was shown
	Type  string   // of that key, such as ssh-ed25519
	Want  string   // SHA256:..., the key that was expected; "": the host is unknown
	File  string   // where Want stands; "": it was pinned
	Line  int      // in File
	Files []string // where an unknown host was looked for
	// Revoked says that File marks the shown key as one that must not be trusted.
	Revoked bool
}

// Unknown reports whether nothing is known of the host; else it shows another key than before.
func (e *HostKeyError) Unknown() bool { return e.Want == "" }

func (e *HostKeyError) Error() string {
	shows := fmt.Sprintf("shows host key %s (%s)", e.Got, e.Type)
	switch {
	case e.Unknown():
		return fmt.Sprintf("%s, but %s is not in %s", shows, e.Host, strings.Join(e.Files, " or "))
	case e.Revoked:
		return fmt.Sprintf("%s, which %s:%d revokes", shows, e.File, e.Line)
	case e.File == "":
		return fmt.Sprintf("%s, but %s was pinned", shows, e.Want)
	default:
		return fmt.Sprintf("%s, but %s:%d has %s", shows, e.File, e.Line, e.Want)
	}
}

// keyTypes are the host keys that are asked for, the most usual first.
var keyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// A judge decides on the key that a host shows.
type judge struct {
	types []string // to ask the host for, in this order
	check ssh.HostKeyCallback
	// fingerprint says that the type of the expected key is not known, so that after a mismatch the host's other keys
	// deserve a look.
	fingerprint bool
}

// judgeFor returns the judge of a hop. The pin is for the target only.
func (d *dialer) judgeFor(h hop, target bool) (judge, error) {
	if target && d.HostKey != "" {
		return pinned(h.address(), d.HostKey)
	}
	files, err := d.knownFiles(h)
	if err != nil {
		return judge{}, err
	}
	db, err := knownhosts.NewDB(existing(files)...)
	if err != nil {
		return judge{}, &ConfigError{Setting: "known_hosts", Reason: strings.TrimPrefix(err.Error(), "knownhosts: ")}
	}
	// A host that is known by its RSA key must not be asked for another one, or it would look like an attack.
	types := db.HostKeyAlgorithms(h.knownAs)
	for _, t := range keyTypes {
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	lookup := db.HostKeyCallback()
	check := func(_ string, remote net.Addr, key ssh.PublicKey) error {
		return hostKeyError(lookup(h.knownAs, remote, key), h, key, files)
	}
	return judge{types: types, check: check}, nil
}

// knownFiles are the known_hosts files of a hop. Only one that was named on purpose must exist.
func (d *dialer) knownFiles(h hop) ([]string, error) {
	if d.KnownHosts != "" {
		if _, err := os.ReadFile(d.KnownHosts); err != nil {
			return nil, &ConfigError{Setting: "known_hosts", Reason: err.Error()}
		}
		return []string{d.KnownHosts}, nil
	}
	files := h.knownHosts
	if len(files) == 0 {
		files = d.inHome("known_hosts", "known_hosts2")
	}
	return append(slices.Clone(files), "/etc/ssh/ssh_known_hosts"), nil
}

func existing(files []string) (there []string) {
	for _, name := range files {
		if _, err := os.Stat(name); err == nil {
			there = append(there, name)
		}
	}
	return there
}

// hostKeyError turns the verdict of known_hosts into one that says what was compared.
func hostKeyError(verdict error, h hop, key ssh.PublicKey, files []string) error {
	if verdict == nil {
		return nil
	}
	e := &HostKeyError{Host: h.knownAs, Got: ssh.FingerprintSHA256(key), Type: key.Type()}
	var wrong *xknownhosts.KeyError
	var revoked *xknownhosts.RevokedError
	switch {
	case errors.As(verdict, &revoked):
		e.Want, e.Revoked = e.Got, true
		e.File, e.Line = revoked.Revoked.Filename, revoked.Revoked.Line
	case !errors.As(verdict, &wrong): // a certificate that is not valid
		return verdict
	case len(wrong.Want) == 0:
		e.Files = files
	default:
		known := wrong.Want[0]
		for _, k := range wrong.Want {
			if k.Key.Type() == key.Type() {
				known = k
			}
		}
		e.Want, e.File, e.Line = ssh.FingerprintSHA256(known.Key), known.Filename, known.Line
	}
	return e
}

// pinned returns the judge for a key that was given by hand.
func pinned(host, pin string) (judge, error) {
	want, types := strings.TrimSpace(pin), keyTypes
	fingerprint := strings.HasPrefix(want, "SHA256:")
	if !fingerprint {
		key, err := parsePublic(want)
		if err != nil {
			return judge{}, &ConfigError{Setting: "host key", Reason: "neither SHA256:... nor the line of a public key"}
		}
		want, types = ssh.FingerprintSHA256(key), []string{key.Type()}
		if key.Type() == ssh.KeyAlgoRSA {
			types = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, t := range keyTypes { // so that a host with another key is told from one that speaks no SSH
			if !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	want = strings.TrimRight(want, "=") // some tools pad the base64
	check := func(_ string, _ net.Addr, key ssh.PublicKey) error {
		got := ssh.FingerprintSHA256(key)
		if got == want {
			return nil
		}
		return &HostKeyError{Host: host, Got: got, Type: key.Type(), Want: want}
	}
	return judge{types, check, fingerprint}, nil
}

// parsePublic parses a line of a .pub file or of known_hosts.
func parsePublic(line string) (ssh.PublicKey, error) {
	if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err == nil {
		return key, nil
	}
	_, _, key, _, _, err := ssh.ParseKnownHosts([]byte(line))
	return key, err
}

// without returns the types but for the one that a key of this type was shown for.
func without(types []string, shown string) []string {
	if shown == ssh.KeyAlgoRSA {
		return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return strings.HasPrefix(t, "rsa-") })
	}
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == shown })
}
