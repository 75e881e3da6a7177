package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/sign"
)

// A keygenOutcome is the answer to keygen. Nothing in it is secret.
type keygenOutcome struct {
	Path    string      `json:"path,omitempty"` // of the key that was made
	Written bool        `json:"written"`        // false after --dry-run, and with --key
	Keys    []publicKey `json:"keys"`           // none after --dry-run
}

type publicKey struct {
	ID     string `json:"id"`
	Bits   int    `json:"bits"`
	Public string `json:"public_key"`
	Python string `json:"python"` // a keyword for the calls of the client
}

func newPublicKey(k sign.PublicKey) publicKey {
	return publicKey{k.ID(), k.Bits(), k.String(), fmt.Sprintf("key=%q", k)}
}

func (o *keygenOutcome) lines() (lines []string) {
	switch {
	case o.Written:
		lines = append(lines, "wrote "+o.Path+": keep it secret, and keep a copy; devices with its public key take nothing that it did not sign")
	case len(o.Keys) == 0:
		return []string{"would write " + o.Path}
	}
	for _, k := range o.Keys {
		lines = append(lines,
			fmt.Sprintf("key %s, RSA, %d bits", k.ID, k.Bits),
			"for update, ota_update and check_for_ota_update on each device (or put the text into a file there, and name the file):",
			"    "+k.Python,
			"for "+configName+", so that nothing else becomes live:",
			fmt.Sprintf("    public-keys = [%q]", k.Public))
	}
	return lines
}

func keygenFlags() []ucli.Flag {
	return append(keyFlags(),
		flagText("bits", "N", fmt.Sprintf("%d to %d (%d); 2048 is twice as fast on the devices", sign.MinBits, sign.MaxBits, sign.DefaultBits)),
		flagBool("dry-run", "look whether the file could be written, and write nothing"))
}

func runKeygen(ctx context.Context, c *call) (outcome, error) {
	if c.keys.isSet() {
		if err := c.noArgs(); err != nil {
			return nil, err
		}
		return c.showKeys(ctx)
	}
	if len(c.args) != 1 {
		return nil, usageError("otactl keygen FILE, or otactl keygen --key FILE", "keygen takes one file, not %d", len(c.args))
	}
	o := &keygenOutcome{Path: c.args[0], Keys: []publicKey{}}
	if _, err := os.Lstat(o.Path); err == nil {
		return nil, keyExists(o.Path)
	}
	if c.bits == 0 {
		c.bits = sign.DefaultBits
	}
	if c.bits < sign.MinBits || c.bits > sign.MaxBits {
		return nil, usageError("", "--bits %d: a key has %d to %d", c.bits, sign.MinBits, sign.MaxBits)
	}
	if c.dryRun {
		return o, nil
	}
	key, err := sign.Generate(c.bits)
	if err != nil {
		return nil, err
	}
	text, err := key.PEM()
	if err != nil {
		return nil, err
	}
	if err := writeKey(o.Path, text); err != nil {
		return nil, err
	}
	o.Written, o.Keys = true, append(o.Keys, newPublicKey(key.Public()))
	return o, nil
}

// showKeys prints what is public of keys that are there.
func (c *call) showKeys(ctx context.Context) (outcome, error) {
	keys, err := c.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	o := &keygenOutcome{}
	for _, k := range keys {
		o.Keys = append(o.Keys, newPublicKey(k.Public()))
	}
	return o, nil
}

func keyExists(path string) error {
	return usageError("a key that was overwritten could never sign again; otactl keygen --key "+path+" shows the public one", "%s exists", path)
}

// writeKey writes a file that did not exist and that only its owner can read; after an error nothing is there.
func writeKey(path string, text []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return keyExists(path)
	}
	if err != nil {
		return usageError("", "%v", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
