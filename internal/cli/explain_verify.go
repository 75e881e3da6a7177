package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/otactl/otactl/verify"
)

// onVerify advises on what is not what was published.
func onVerify(_ string, err error) *advice {
	if e, ok := errors.AsType[*deviationError](err); ok {
		if e.live {
			return advise(exitDifferent, "devices may be getting this; until it is mended, otactl rollback takes them to the release before")
		}
		return advise(exitDifferent)
	}
	if e, ok := errors.AsType[*verify.DifferentError](err); ok {
		return advise(exitDifferent, fmt.Sprintf("version was not changed; otactl verify %s says what can be done", e.Tag))
	}
	if _, ok := errors.AsType[*verify.NothingLiveError](err); ok {
		return advise(exitProtected, "otactl verify TAG verifies one release, otactl verify --all all that are there")
	}
	return nil
}

// repair says what to do about a difference.
func repair(d verify.Difference, live string) string {
	again := fmt.Sprintf("otactl publish %s with the same files", d.Tag)
	if d.Tag.String() != live { // publish would find that it was superseded
		again = fmt.Sprintf("otactl publish %s --no-activate with the same files", d.Tag)
	}
	switch d.Kind {
	case verify.Mode:
		if d.Folder {
			return "chmod 755 it"
		}
		return "chmod 644 it"
	case verify.Unreadable:
		return "give this account the right to read it"
	case verify.Replaced:
		return "put it back from a backup of the server, or publish under a new tag"
	case verify.Unsigned:
		return "publish these files under a new tag, signed by --key"
	case verify.Extra:
		return "remove it: whoever asks for it gets what nobody has published"
	case verify.Damaged:
		if strings.Contains(d.Name, "/.otactl/log/") {
			return "put it back from a backup of the server"
		}
		return "remove it, then " + again
	case verify.Pointer:
		if !d.Tag.IsZero() {
			return fmt.Sprintf("otactl activate %s puts it back", d.Tag)
		}
		return "otactl rollback TAG or otactl activate TAG makes another release live"
	}
	switch {
	case d.Tag.IsZero():
		return "remove it, then otactl activate TAG makes a release live"
	case d.Kind == verify.Missing:
		return again
	}
	return "remove it, then " + again
}
