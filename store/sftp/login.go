package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/otactl/otactl/store"
	"golang.org/x/crypto/ssh"
)

// An AuthError says that no key or password was accepted.
type AuthError struct {
	User    string
	Host    string   // host:port
	Tried   []string // publickey, password, ...
	Allowed []string // what the server would take
	Keys    int      // how many keys there were to offer
	// Withheld says that there was a password, and that it was not sent because the host key was not pinned by hand.
	Withheld bool
	Reason   string // what the server said, if it said more than no
}

func (e *AuthError) Error() string {
	text := fmt.Sprintf("refuses user %q", e.User)
	if len(e.Tried) > 0 {
		text += " (tried " + strings.Join(e.Tried, ", ") + ")"
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// A login is what there is to log in to a host with, and what became of it.
type login struct {
	methods []ssh.AuthMethod
	failure AuthError
}

// login collects the keys for a hop, and for the target also the password.
func (d *dialer) login(ctx context.Context, h hop, target bool) (*login, error) {
	signers, err := d.signers(ctx, h, target)
	if err != nil {
		return nil, err
	}
	l := &login{failure: AuthError{User: h.user, Host: h.address(), Keys: len(signers)}}
	if len(signers) > 0 {
		l.methods = append(l.methods, ssh.PublicKeys(signers...))
	}
	if d.Password == "" || !target {
		return l, nil
	}
	if !d.PasswordAllowed {
		l.failure.Withheld = true
		return l, nil
	}
	l.methods = append(l.methods, ssh.Password(d.Password), ssh.KeyboardInteractive(answerOnce(d.Password)))
	return l, nil
}

// answerOnce answers the one question that can only be for the password. A server that asks again did not like it.
func answerOnce(password string) ssh.KeyboardInteractiveChallenge {
	answered := false
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, nil
		}
		if len(questions) > 1 || echos[0] || answered {
			return nil, errors.New("the server asks for something else than a password")
		}
		answered = true
		return []string{password}, nil
	}
}

// note looks at the course of a login. It leaves the choice of the next method to package ssh.
func (l *login) note(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.failure.Tried = slices.DeleteFunc(c.TriedMethods, func(method string) bool { return method == "none" })
	l.failure.Allowed = c.AllowedMethods
	return nil, nil
}

// refused says why a handshake failed.
func (d *dialer) refused(ctx context.Context, h hop, l *login, verified bool, err error) error {
	var key *HostKeyError
	var broken *net.OpError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &key):
		return &store.RefusedError{Target: h.address(), Err: key}
	case d.locked != nil:
		return d.locked
	case !verified || unanswered(err) || errors.As(err, &broken) || isEOF(err):
		return unreachable(h.address(), err)
	}
	e := l.failure
	if i := strings.Index(err.Error(), "ssh: disconnect"); i >= 0 {
		e.Reason = err.Error()[i+len("ssh: "):]
	}
	return &store.RefusedError{Target: h.address(), Err: &e}
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// unreachable says that a host cannot be talked to.
func unreachable(address string, err error) error {
	var broken *net.OpError
	var rejected *ssh.OpenChannelError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &broken):
		err = broken.Err // its text repeats the address
	case isEOF(err):
		err = &lostError{io.EOF}
	case errors.As(err, &rejected) && rejected.Reason == ssh.ConnectionFailed, unanswered(err):
	default: // it answered, and said no or nothing that makes sense
		return &store.RefusedError{Target: address, Err: err}
	}
	return &store.ConnError{Target: address, Err: err}
}
