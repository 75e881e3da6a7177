package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/sign"
)

// signKeyVariable holds the text of private keys, for CI: the one variable that is not what its flag says, a file.
const signKeyVariable = "OTACTL_KEY"

const keyHint = "--key FILE names a private key, and " + signKeyVariable + " holds the text of one; otactl keygen makes one"

func keyFlags() []ucli.Flag {
	return []ucli.Flag{flagList("key", "FILE", "sign by the private key in this file; may be repeated")}
}

func signerFlags() []ucli.Flag {
	return []ucli.Flag{flagList("public-keys", "KEY", "refuse a release that no such key signed; or a file with some")}
}

// isPrivateKey reports whether a text holds a private key in PEM, its lines joined by blanks or not.
func isPrivateKey(text string) bool { return strings.Contains(text, "PRIVATE KEY-----") }

// signingKeys are the keys that sign: those of --key, or else that of OTACTL_KEY. None of their texts gets into an error.
func (c *call) signingKeys(ctx context.Context) (keys []*sign.Key, err error) {
	var found []*sign.Key
	if c.keys.isSet() {
		for _, name := range c.keys.many {
			text, err := c.readKeyFile(setting{text: name, base: c.keys.base, origin: c.keys.origin})
			if err != nil {
				return nil, err
			}
			more, err := c.parseKeys(ctx, "key "+name, text)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
	} else if c.secrets.signKey != "" {
		if found, err = c.parseKeys(ctx, signKeyVariable, []byte(c.secrets.signKey)); err != nil {
			return nil, err
		}
	}
	for _, key := range found {
		if !slices.ContainsFunc(keys, func(k *sign.Key) bool { return k.Public() == key.Public() }) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// passphraseTries is how often somebody at a terminal may mistype one.
const passphraseTries = 3

func (c *call) parseKeys(ctx context.Context, name string, text []byte) (keys []*sign.Key, err error) {
	asked := false
	passphrase := func() ([]byte, error) {
		if c.secrets.keyPassphrase != "" {
			return []byte(c.secrets.keyPassphrase), nil
		}
		asked = true
		answer, err := c.ask(ctx, "Passphrase of "+name+": ")
		if err != nil && ctx.Err() == nil {
			err = sign.ErrEncrypted // there is no terminal
		}
		return []byte(answer), err
	}
	for range passphraseTries {
		keys, err = sign.ParseKeys(text, passphrase)
		if !asked || !errors.Is(err, sign.ErrPassphrase) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return keys, nil
}

// signers are the keys of which one must have signed what becomes live; none if that is not asked.
func (c *call) signers() (keys []sign.PublicKey, err error) {
	for _, text := range c.publicKeys.many {
		some, err := sign.ParsePublicKeys(text)
		if err != nil && !strings.Contains(text, "-----BEGIN") {
			one := setting{text: text, base: c.publicKeys.base, origin: c.publicKeys.origin}
			var data []byte
			if data, err = c.readKeyFile(one); err != nil {
				return nil, err
			}
			some, err = sign.ParsePublicKeys(string(data))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.publicKeys.origin, err)
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

// readKeyFile reads a file that a setting names. A name that may be a key is not printed.
func (c *call) readKeyFile(s setting) ([]byte, error) {
	const longest = 200 // characters of a name; a key in base64 has more
	name := s.text
	if len(name) > longest || strings.Contains(name, "\n") {
		return nil, usageError(keyHint, "%s: neither a key nor the name of a file", s.origin)
	}
	data, err := readSmall(s.path(home(c.env)))
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, usageError("", "%s %s: %v", s.origin, name, perr.Err)
	}
	return data, err
}

// onKeys advises on keys and signatures.
func onKeys(command string, err error) *advice {
	if _, ok := errors.AsType[*sign.UnsignedError](err); ok {
		return advise(exitProtected, unsignedHint(command))
	}
	if _, ok := errors.AsType[*sign.KeyError](err); !ok || errors.Is(err, context.Canceled) {
		return nil
	}
	if errors.Is(err, sign.ErrEncrypted) || errors.Is(err, sign.ErrPassphrase) {
		return advise(exitUsage, "give the passphrase in the variable OTACTL_KEY_PASSPHRASE")
	}
	return advise(exitUsage, keyHint)
}

func unsignedHint(command string) string {
	if command == "publish" {
		return "public-keys says which keys may sign; --key FILE or " + signKeyVariable + " signs a release that is not there yet. Nothing was sent"
	}
	return "public-keys says which keys may sign; devices that have only these keys would refuse the release"
}
