// Package sign signs manifests and verifies them, so that a device runs only what its owner has signed, whoever else can
// write to the server or sits on the network.
//
// The parties are three. Who publishes has a [Key] and signs the manifest of a release, which holds the SHA-256 of each of
// its files, its project and its tag. The server stores what it gets and needs no key. A device has a [PublicKey], and so
// may everybody who changes which release is live. docs/SECURITY.md says what that stops and what it does not.
//
// A signature is a line of the manifest (docs/FORMAT.md, Manifest): RSA PKCS#1 v1.5 with SHA-256 over every byte before the
// first of these lines. It is deterministic, so publishing again gives the same bytes.
package sign

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/otactl/otactl/layout"
)

// An UnsignedError reports a release that none of the keys has signed.
type UnsignedError struct {
	Tag  layout.Tag
	By   []string // the ids of keys that its signatures name, whether it was them or not
	Keys []string // the ids of the keys of which one should have signed it
}

func (e *UnsignedError) Error() string {
	if len(e.By) == 0 {
		return fmt.Sprintf("release %s is not signed", e.Tag)
	}
	return fmt.Sprintf("release %s has signatures (%s) of none of the public keys (%s)", e.Tag, strings.Join(e.By, ", "), strings.Join(e.Keys, ", "))
}

// Sign returns the manifest with a signature of each key, in their order; without keys it returns it as it is. Each
// signature was verified, and the result is a manifest.
func Sign(manifest []byte, keys []*Key) ([]byte, error) {
	if len(keys) == 0 {
		return manifest, nil
	}
	m, err := layout.ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	if len(m.Signatures) > 0 {
		return nil, fmt.Errorf("release %s is signed already", m.Tag)
	}
	hash := sha256.Sum256(manifest)
	for _, k := range keys {
		signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, hash[:])
		if err != nil {
			return nil, fmt.Errorf("sign by key %s: %w", k.public.ID(), err)
		}
		line := fmt.Sprintf("%s %s %s", algorithm, k.public.ID(), base64.StdEncoding.EncodeToString(signature))
		m.Signatures = append(m.Signatures, line)
	}
	signed := m.Bytes()
	for _, k := range keys {
		if err := Verify(signed, []PublicKey{k.public}); err != nil {
			return nil, fmt.Errorf("sign by key %s: %w", k.public.ID(), err)
		}
	}
	return signed, nil
}

// Verify returns nil if the bytes are a manifest and one of the keys has signed it; else a *[layout.ManifestError] or an
// *[UnsignedError]. That it is the manifest of the right project and tag is for the caller to see: they are in it.
func Verify(manifest []byte, keys []PublicKey) error {
	m, err := layout.ParseManifest(manifest)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(layout.SignedPart(manifest))
	e := &UnsignedError{Tag: m.Tag}
	for _, k := range keys {
		e.Keys = append(e.Keys, k.ID())
	}
	for _, line := range m.Signatures {
		id, text, _ := strings.Cut(strings.TrimPrefix(line, algorithm+" "), " ")
		e.By = append(e.By, id)
		signature, err := base64.StdEncoding.DecodeString(text)
		// The id is only a hint. The whole expected encoding is compared: who looks for the hash in what comes out can be
		// given a forged one (Bleichenbacher, 2006).
		if err == nil && slices.ContainsFunc(keys, func(k PublicKey) bool {
			return rsa.VerifyPKCS1v15(k.rsa(), crypto.SHA256, hash[:], signature) == nil
		}) {
			return nil
		}
	}
	return e
}

// algorithm begins a signature line.
const algorithm = "signature rsa-sha256"
