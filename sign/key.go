package sign

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// What a *[KeyError] of an encrypted key wraps.
var (
	ErrEncrypted  = errors.New("is encrypted, and there is no passphrase")
	ErrPassphrase = errors.New("wrong passphrase")
)

// A Key signs. It prints as its id, so that it can get into no message.
type Key struct {
	private *rsa.PrivateKey
	public  PublicKey
}

// Generate makes a key of so many bits.
func Generate(bits int) (*Key, error) {
	if bits < MinBits || bits > MaxBits {
		return nil, &KeyError{Reason: fmt.Sprintf("a key has %d to %d bits, not %d", MinBits, MaxBits, bits)}
	}
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	return newKey(private)
}

func newKey(private *rsa.PrivateKey) (*Key, error) {
	if err := checkPublic(&private.PublicKey); err != nil {
		return nil, err
	}
	if err := private.Validate(); err != nil {
		return nil, &KeyError{Reason: "is damaged"}
	}
	return &Key{private, PublicKey{string(private.N.Bytes())}}, nil
}

// ParseKeys reads one private key or more: PEM of PKCS#8, which otactl keygen, openssl and ssh-keygen -m PKCS8 write, or of
// PKCS#1. The passphrase is asked for once for each encrypted one; nil stands for nobody to ask. Errors are of type
// *[KeyError].
func ParseKeys(text []byte, passphrase func() ([]byte, error)) (keys []*Key, err error) {
	rest := text
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		key, err := parseBlock(block, passphrase)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 || bytes.Count(text, []byte("-----BEGIN ")) != len(keys) { // else one that is damaged is passed over
		return nil, &KeyError{Reason: "is not a private key in PEM, with its line breaks"}
	}
	return keys, nil
}

func parseBlock(block *pem.Block, passphrase func() ([]byte, error)) (*Key, error) {
	switch block.Type {
	case "PRIVATE KEY":
		return parsePKCS8(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return parseEncrypted(block.Bytes, passphrase)
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, &KeyError{Reason: "is encrypted in the way of PKCS#1; openssl pkcs8 -topk8 makes it one of PKCS#8"}
		}
		private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, &KeyError{Reason: "is damaged"}
		}
		return newKey(private)
	case "OPENSSH PRIVATE KEY":
		return nil, &KeyError{Reason: "is in the format of OpenSSH; ssh-keygen -p -m PKCS8 -f FILE makes it one of PKCS#8"}
	}
	if strings.HasSuffix(block.Type, "PUBLIC KEY") {
		return nil, &KeyError{Reason: "is a public key, and the private one is needed to sign"}
	}
	return nil, &KeyError{Reason: "is not a private key of PKCS#8"}
}

func parsePKCS8(der []byte) (*Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, &KeyError{Reason: "is damaged, or no RSA key"} // the library's words may quote it
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, &KeyError{Reason: noRSA}
	}
	return newKey(private)
}

func parseEncrypted(der []byte, passphrase func() ([]byte, error)) (*Key, error) {
	c, err := parsePBES2(der)
	if err != nil {
		return nil, err
	}
	if passphrase == nil {
		return nil, &KeyError{Err: ErrEncrypted}
	}
	phrase, err := passphrase()
	if err != nil {
		return nil, &KeyError{Err: err}
	}
	plain, err := c.decrypt(phrase)
	if err != nil {
		return nil, err
	}
	key, err := parsePKCS8(plain)
	if e, ok := errors.AsType[*KeyError](err); ok && strings.HasPrefix(e.Reason, "is damaged") {
		return nil, &KeyError{Err: ErrPassphrase} // one of 256 wrong ones leaves a padding that is right
	}
	return key, err
}

// Public returns the key that verifies what this one signs.
func (k *Key) Public() PublicKey { return k.public }

// PEM returns the key as a block "PRIVATE KEY" of PKCS#8, not encrypted.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// Format prints the id, whatever the verb is.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "key "+k.public.ID()) }

// MarshalText gives the id too: encoders of every kind ask for it.
func (k *Key) MarshalText() ([]byte, error) { return []byte("key " + k.public.ID()), nil }
