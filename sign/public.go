package sign

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
)

// Which RSA keys are accepted. Devices have the exponent built in, so no other one could be verified.
const (
	MinBits     = 2048
	MaxBits     = 4096
	DefaultBits = 3072
	exponent    = 65537
)

// A KeyError reports a key that cannot be used. No text of the key is in it.
type KeyError struct {
	Reason string
	Err    error // in place of a reason: ErrPassphrase, ErrEncrypted, or why nobody could be asked for the passphrase
}

func (e *KeyError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Reason
}

func (e *KeyError) Unwrap() error { return e.Err }

// A PublicKey says who may sign. Its zero value verifies nothing.
type PublicKey struct{ modulus string } // its bytes, big endian: so that keys can be compared

// ParsePublicKeys reads one public key or more: words, each the modulus in base64, as [PublicKey.String] gives it and devices
// take it, or blocks of PEM. Errors are of type *[KeyError].
func ParsePublicKeys(text string) (keys []PublicKey, err error) {
	parse := parseModuli
	if strings.Contains(text, "-----BEGIN ") {
		parse = parsePublicPEM
	}
	if keys, err = parse(text); err == nil && len(keys) == 0 {
		err = &KeyError{Reason: "holds no key"}
	}
	return keys, err
}

func parseModuli(text string) (keys []PublicKey, err error) {
	for _, word := range strings.Fields(text) {
		n, err := base64.StdEncoding.DecodeString(word)
		if err != nil || base64.StdEncoding.EncodeToString(n) != word || len(n) == 0 || n[0] == 0 {
			return nil, &KeyError{Reason: "is not the modulus of an RSA key in base64, nor a public key in PEM"}
		}
		if err := checkPublic(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}); err != nil {
			return nil, err
		}
		keys = append(keys, PublicKey{string(n)})
	}
	return keys, nil
}

func parsePublicPEM(text string) (keys []PublicKey, err error) {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, &KeyError{Reason: "is a private key, and only the public one is needed here"}
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if block.Type != "PUBLIC KEY" || err != nil {
			return nil, &KeyError{Reason: `is not a "PUBLIC KEY" in PEM`}
		}
		key, ok := parsed.(*rsa.PublicKey)
		if !ok {
			return nil, &KeyError{Reason: noRSA}
		}
		if err := checkPublic(key); err != nil {
			return nil, err
		}
		keys = append(keys, PublicKey{string(key.N.Bytes())})
	}
	if strings.Count(text, "-----BEGIN ") != len(keys) {
		return nil, &KeyError{Reason: "is PEM that is damaged"}
	}
	return keys, nil
}

const noRSA = "is no RSA key, and devices know no other signatures"

func checkPublic(key *rsa.PublicKey) error {
	switch bits := key.N.BitLen(); {
	case bits < MinBits:
		return &KeyError{Reason: "has less than 2048 bits"}
	case bits > MaxBits:
		return &KeyError{Reason: "has more than 4096 bits"}
	case key.N.Bit(0) == 0:
		return &KeyError{Reason: "is no RSA key: its modulus is even"}
	case key.E != exponent:
		return &KeyError{Reason: "has another exponent than 65537, which devices have built in"}
	}
	return nil
}

// String returns what devices take: the modulus in base64, big endian.
func (k PublicKey) String() string { return base64.StdEncoding.EncodeToString([]byte(k.modulus)) }

// ID is the first 16 hex digits of the SHA-256 of the DER SubjectPublicKeyInfo.
func (k PublicKey) ID() string {
	der, err := x509.MarshalPKIXPublicKey(k.rsa())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8])
}

// Bits is the length of the modulus.
func (k PublicKey) Bits() int { return k.rsa().N.BitLen() }

func (k PublicKey) rsa() *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).SetBytes([]byte(k.modulus)), E: exponent}
}
