package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A KeyFileError reports a private key that cannot be used.
type KeyFileError struct {
	Path string // of the file, or where else the key came from
	Err  error  // ErrPassphrase, ErrEncrypted, what the file system said, or what is wrong with the content
}

func (e *KeyFileError) Error() string { return fmt.Sprintf("private key %s: %v", e.Path, e.Err) }
func (e *KeyFileError) Unwrap() error { return e.Err }

var (
	// ErrPassphrase says that the passphrase does not open the key.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrEncrypted says that the key needs a passphrase, and there is none and nobody to ask.
	ErrEncrypted = errors.New("needs a passphrase")
	// ErrNotAKey says that there is something else than a private key.
	ErrNotAKey = errors.New("is not a private key")
)

// usualKeys are what ssh tries if nothing is configured.
var usualKeys = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// keyText is how errors call a key that came as a text.
const keyText = "from OTACTL_SSH_KEY"

// signers returns the keys to offer to a host, in this order. If one was configured no other is offered: each that is
// refused costs a trip, and servers hang up after a few.
func (d *dialer) signers(ctx context.Context, h hop, target bool) ([]ssh.Signer, error) {
	explicit := d.Identity != "" || len(d.Key) > 0
	switch {
	case !target && len(h.identities) > 0: // a key that was given by hand is for the target; hosts before it may have their own
		break
	case d.Identity != "":
		signer, err := d.fromFile(ctx, d.Identity)
		return []ssh.Signer{signer}, err
	case explicit:
		signer, err := d.fromText(ctx, keyText, bytes.TrimSpace(d.Key))
		return []ssh.Signer{signer}, err
	}
	signers, err := d.configured(ctx, h)
	if err != nil || len(signers) > 0 || h.only && len(h.identities) > 0 {
		return signers, err
	}
	if !h.only {
		signers = d.agentSigners()
	}
	return d.usual(ctx, signers), nil
}

// configured returns the keys of IdentityFile that are there.
func (d *dialer) configured(ctx context.Context, h hop) (signers []ssh.Signer, err error) {
	for _, name := range h.identities {
		signer, err := d.fromFile(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

// usual adds the keys in the usual files to those that there are. A passphrase is asked for only when the server wants
// that key.
func (d *dialer) usual(ctx context.Context, signers []ssh.Signer) []ssh.Signer {
	for _, name := range d.inHome(usualKeys...) {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		signer, err := ssh.ParsePrivateKey(text)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) && locked.PublicKey != nil {
			signer, err = &lockedSigner{ctx, d, name, text, locked.PublicKey}, nil
		}
		if err == nil && find(signers, signer.PublicKey()) == nil {
			signers = append(signers, signer)
		}
	}
	return signers
}

// fromFile returns the key in a file, or, if that is locked or only a public key, the same key from the agent.
func (d *dialer) fromFile(ctx context.Context, name string) (ssh.Signer, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		return nil, &KeyFileError{name, err}
	}
	public, _, _, _, notPublic := ssh.ParseAuthorizedKey(text)
	var locked *ssh.PassphraseMissingError
	if _, err := ssh.ParsePrivateKey(text); errors.As(err, &locked) {
		public = locked.PublicKey
	}
	if public != nil {
		if signer := find(d.agentSigners(), public); signer != nil {
			return signer, nil
		}
		if notPublic == nil {
			return nil, &KeyFileError{name, errors.New("is a public key, and the agent does not have the private one")}
		}
	}
	return d.fromText(ctx, name, text)
}

// fromText parses a private key, and unlocks it if it must. What was unlocked once stays so.
func (d *dialer) fromText(ctx context.Context, source string, text []byte) (ssh.Signer, error) {
	if signer := d.unlocked[source]; signer != nil {
		return signer, nil
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		signer, err = d.unlock(ctx, source, text)
	} else if err != nil {
		err = &KeyFileError{source, ErrNotAKey}
	}
	if err != nil {
		return nil, err
	}
	d.unlocked[source] = signer
	return signer, nil
}

func (d *dialer) unlock(ctx context.Context, source string, text []byte) (ssh.Signer, error) {
	if d.Passphrase != "" {
		signer, err := ssh.ParsePrivateKeyWithPassphrase(text, []byte(d.Passphrase))
		if err != nil {
			return nil, &KeyFileError{source, ErrPassphrase}
		}
		return signer, nil
	}
	if d.Prompt == nil {
		return nil, &KeyFileError{source, ErrEncrypted}
	}
	for range 3 {
		passphrase, err := d.Prompt(ctx, fmt.Sprintf("Passphrase of %s: ", source))
		if err != nil {
			return nil, err
		}
		if signer, err := ssh.ParsePrivateKeyWithPassphrase(text, []byte(passphrase)); err == nil {
			return signer, nil
		}
	}
	return nil, &KeyFileError{source, ErrPassphrase}
}

// agentSigners returns the keys of the agent; none if it cannot be reached.
func (d *dialer) agentSigners() []ssh.Signer {
	if d.AgentSocket == "" {
		return nil
	}
	if d.agent == nil {
		conn, err := net.DialTimeout("unix", d.AgentSocket, 2*time.Second)
		if err != nil {
			d.warn(fmt.Sprintf("the SSH agent cannot be reached: %v", err))
			d.AgentSocket = ""
			return nil
		}
		d.agent = conn
	}
	signers, err := agent.NewClient(d.agent).Signers()
	if err != nil {
		d.warn(fmt.Sprintf("the SSH agent does not tell its keys: %v", err))
	}
	return signers
}

func find(signers []ssh.Signer, key ssh.PublicKey) ssh.Signer {
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), key.Marshal()) {
			return s
		}
	}
	return nil
}

// A lockedSigner asks for its passphrase when it has to sign.
type lockedSigner struct {
	ctx    context.Context //nolint:containedctx // lives as long as the handshake, which has no context to hand on
	d      *dialer
	source string
	text   []byte
	public ssh.PublicKey
}

func (l *lockedSigner) PublicKey() ssh.PublicKey { return l.public }

func (l *lockedSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return l.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm is what makes RSA keys sign with SHA-2.
func (l *lockedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	l.d.clock.rest() // neither thinking nor unlocking counts as the server's silence
	signer, err := l.d.fromText(l.ctx, l.source, l.text)
	l.d.clock.wait()
	if err != nil {
		l.d.locked = err
		return nil, err
	}
	if s, ok := signer.(ssh.AlgorithmSigner); ok {
		return s.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}
