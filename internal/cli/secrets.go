package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/term"
)

// secrets are what the environment told in confidence. They are taken out of it, so that no program that is started from
// here gets them.
type secrets struct {
	key        string // OTACTL_SSH_KEY: the text of a private key
	passphrase string // OTACTL_SSH_PASSPHRASE
	password   string // OTACTL_SSH_PASSWORD
	serve      string // OTACTL_SERVE_PASSWORD

	signKey       string // OTACTL_KEY: the text of the private key that signs
	keyPassphrase string // OTACTL_KEY_PASSPHRASE
	http          string // OTACTL_HTTP_PASSWORD
}

func takeSecrets(env Env) secrets {
	take := func(name string) string {
		text, ok := env.LookupEnv(name)
		if ok {
			// Nothing can be done where this fails, and nothing is worse than before.
			_ = env.Unsetenv(name)
		}
		return text
	}
	return secrets{
		take("OTACTL_SSH_KEY"), take("OTACTL_SSH_PASSPHRASE"), take("OTACTL_SSH_PASSWORD"), take("OTACTL_SERVE_PASSWORD"),
		take(signKeyVariable), take("OTACTL_KEY_PASSPHRASE"), take("OTACTL_HTTP_PASSWORD"),
	}
}

// ask asks for a secret on the user's terminal, and does not show what is typed.
func (r *runner) ask(ctx context.Context, question string) (answer string, err error) {
	tty, err := r.env.OpenTerminal()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, tty.Close()) }()
	ui := cmp.Or(r.ui.parent, r.ui)
	ui.mu.Lock() // keeps everything else away while somebody types
	defer ui.mu.Unlock()
	ui.live.erase()
	fmt.Fprint(tty, "otactl: "+printable(question))
	secret, err := readSecret(ctx, int(tty.Fd()))
	fmt.Fprintln(tty)
	return strings.TrimRight(string(secret), "\r\n"), err
}

// readSecret reads a line without echo. When the context ends it leaves the terminal as it was: a second Ctrl-C would kill
// the process and leave a terminal that shows nothing.
func readSecret(ctx context.Context, terminal int) (secret []byte, err error) {
	state, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var line []byte
	var lineErr error
	go func() {
		defer close(done)
		line, lineErr = term.ReadPassword(terminal)
	}()
	select {
	case <-done:
		return line, lineErr
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(terminal, state))
	}
}
