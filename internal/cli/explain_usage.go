package cli

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/otactl/otactl/internal/mpycross"
	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/source"
	"github.com/otactl/otactl/store/sftp"
)

// onUsage advises on the command line and the configuration.
func onUsage(_ string, err error) *advice {
	if e, ok := errors.AsType[*UsageError](err); ok {
		return advise(exitUsage, e.Hints...)
	}
	if e, ok := errors.AsType[*ConfigError](err); ok {
		a := advise(exitUsage)
		a.excerpt = e.Excerpt
		if e.Key == "" {
			return a
		}
		a.hints = []string{"keys: " + strings.Join(configKeys(), " ")}
		if best := closest(e.Key, configKeys()); best != "" {
			a.hints = []string{"did you mean " + best + "?"}
		}
		return a
	}
	if e, ok := errors.AsType[*TargetError](err); ok {
		return advise(exitUsage, e.Hint)
	}
	if e, ok := errors.AsType[*layout.TagError](err); ok {
		return advise(exitUsage, tagHint(e.Tag))
	}
	if _, ok := errors.AsType[*layout.ProjectError](err); ok {
		return advise(exitUsage, "a project is one folder on the server, such as sample")
	}
	if a := onBucketSettings(err); a != nil {
		return a
	}
	return onSSHSettings(err)
}

// onSSHSettings advises on what is wrong on our side of an SSH connection.
func onSSHSettings(err error) *advice {
	if e, ok := errors.AsType[*sftp.URLError](err); ok {
		if strings.Contains(e.Reason, "password") {
			return advise(exitUsage, "give the password in the variable OTACTL_SSH_PASSWORD")
		}
		return advise(exitUsage, targetHint)
	}
	if e, ok := errors.AsType[*sftp.ConfigError](err); ok {
		if e.Setting == "ProxyCommand" {
			return advise(exitUsage, "ProxyJump in ssh_config goes through another host")
		}
		return advise(exitUsage)
	}
	if _, ok := errors.AsType[*sftp.KeyFileError](err); !ok {
		return nil
	}
	if errors.Is(err, sftp.ErrPassphrase) || errors.Is(err, sftp.ErrEncrypted) {
		return advise(exitUsage, "give the passphrase in the variable OTACTL_SSH_PASSPHRASE, or load the key into an SSH agent")
	}
	return advise(exitUsage, "--identity FILE names a private key, OTACTL_SSH_KEY holds the text of one")
}

// tagHint suggests the tag that was probably meant.
func tagHint(text string) string {
	core, _, _ := strings.Cut(path.Base(strings.TrimSpace(text)), "+")
	core = strings.TrimPrefix(strings.TrimSuffix(core, ".manifest"), "v")
	number, rest, isPre := strings.Cut(core, "-")
	for strings.Count(number, ".") < 2 {
		number += ".0"
	}
	if isPre {
		number += "-" + rest
	}
	if t, err := layout.ParseTag("v" + number); err == nil {
		return fmt.Sprintf("did you mean %s?", t)
	}
	return "a tag is a version, such as v1.0.0 or v1.1.0-rc.1"
}

// A SourceError is an error of a file that was to be published.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// onSource advises on the files that are to be published.
func onSource(_ string, err error) *advice {
	if _, ok := errors.AsType[*release.StrictError](err); ok {
		return advise(exitSource, "--strict takes warnings for errors")
	}
	if _, ok := errors.AsType[*mpycross.BrokenError](err); ok {
		return advise(exitUsage, "to do without it: --no-mpy-cross; otactl then decides by its own check")
	}
	if _, ok := errors.AsType[*SourceError](err); !ok {
		return nil
	}
	if e, ok := errors.AsType[*source.AmbiguousError](err); ok {
		return advise(exitSource, ambiguousHint(e))
	}
	if e, ok := errors.AsType[*source.SecretError](err); ok {
		return advise(exitSource, fmt.Sprintf("whoever can reach the web server can read it; if devices need it: --allow-secret %s", e.Name))
	}
	if e, ok := errors.AsType[*source.EmptyError](err); ok && e.Folder == "" {
		return advise(exitSource, "name files or a folder, or set files = [...] in "+configName)
	}
	if e, ok := errors.AsType[*layout.NameError](err); ok && isClientName(e.Name) {
		return advise(exitSource, "for devices that run the original client, --update-client puts this one beside the release")
	}
	if e, ok := errors.AsType[*source.SyntaxError](err); ok {
		a := advise(exitSource, "to publish it all the same, unchecked: --no-syntax-check")
		a.excerpt = e.Excerpt
		return a
	}
	if _, ok := errors.AsType[*source.CompileError](err); ok {
		return advise(exitSource, "without --mpy the sources are published as they are; a .mpy of another tool can be published too")
	}
	if _, ok := errors.AsType[*source.DuplicateError](err); ok {
		return advise(exitSource, "to name them by their folders: -C .")
	}
	return advise(exitSource)
}

// isClientName reports whether a name is that of the boot part of the update client.
func isClientName(name string) bool {
	name = strings.TrimPrefix(strings.ToLower(name), "lib/")
	return name == clientModule+".py" || name == clientModule+".mpy"
}

func ambiguousHint(e *source.AmbiguousError) string {
	if e.Nested == "" {
		return fmt.Sprintf("to publish it as %s: --flat", e.Flat)
	}
	return fmt.Sprintf("to publish it as %s: -C . %s, as %s: --flat", e.Nested, e.Nested, e.Flat)
}
