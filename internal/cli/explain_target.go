package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"syscall"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
	"github.com/otactl/otactl/store/sftp"
)

// onTarget advises on the server and the way to it.
func onTarget(command string, err error) *advice {
	if _, ok := errors.AsType[*store.UnknownError](err); ok {
		return advise(exitUnreachable, "unknown whether version was changed: run otactl status")
	}
	if _, ok := errors.AsType[*store.TooLargeError](err); ok {
		return advise(exitRefused, "otactl did not write this; is it the right target?")
	}
	if _, ok := errors.AsType[*store.ConnError](err); ok {
		return advise(exitUnreachable, connHints(command, err)...)
	}
	if _, ok := errors.AsType[*store.RefusedError](err); ok {
		return advise(exitRefused, refusedHint(err))
	}
	if errors.Is(err, fs.ErrNotExist) { // it vanished while it was used
		return advise(exitRefused)
	}
	return nil
}

func connHints(command string, err error) (hints []string) {
	_, lateSSH := errors.AsType[*sftp.TimeoutError](err)
	_, lateS3 := errors.AsType[*s3.TimeoutError](err)
	_, noName := errors.AsType[*net.DNSError](err)
	switch {
	case lateSSH || lateS3:
		hints = append(hints, "--timeout waits longer")
	case noName || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH):
		hints = append(hints, "is the host up, and are its name and port right?")
	}
	if slices.Contains(writes, command) {
		hints = append(hints, fmt.Sprintf("not live: version was not changed; the same %s again completes what was begun", command))
	}
	return hints
}

func refusedHint(err error) string {
	if e, ok := errors.AsType[*sftp.HostKeyError](err); ok {
		return hostKeyHint(e)
	}
	if e, ok := errors.AsType[*sftp.AuthError](err); ok {
		return authHint(e)
	}
	if hint := bucketHint(err); hint != "" {
		return hint
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "the folder that the web server serves must exist; it is not made, because it may be a typing error"
	}
	return ""
}

func hostKeyHint(e *sftp.HostKeyError) string {
	switch {
	case e.Unknown():
		return fmt.Sprintf("nothing was sent. If the owner of the server confirms this key: --host-key %s, or add it to known_hosts", e.Got)
	case e.Revoked:
		return "nothing was sent. Ask the owner of the server for its new key"
	}
	return "the server was reinstalled, or another one answers; nothing was sent. Ask its owner for the fingerprint"
}

func authHint(e *sftp.AuthError) string {
	switch {
	case e.Withheld:
		return "the password was not sent, because otactl.toml says which host key is right: give --host-key or --known-hosts by hand"
	case e.Keys == 0 && !slices.Contains(e.Tried, "password"):
		return "there was no key to offer: --identity FILE, OTACTL_SSH_KEY, an SSH agent, or OTACTL_SSH_PASSWORD"
	case slices.Contains(e.Tried, "password"):
		return "are the user and OTACTL_SSH_PASSWORD right?"
	}
	return fmt.Sprintf("is the user right, and the public key in its authorized_keys on %s?", e.Host)
}
