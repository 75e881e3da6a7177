package sign

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // older openssl derives keys with it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
)

// This file opens what openssl and ssh-keygen -m PKCS8 encrypt: PBES2 with PBKDF2 and a block cipher in CBC mode
// (RFC 8018, section 6.2 and appendix A).

// maxIterations bounds how long a passphrase is worked on: some seconds.
const maxIterations = 10_000_000

type encryptedKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2Params struct{ KDF, Cipher pkix.AlgorithmIdentifier }

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// The algorithms by their object identifiers.
const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
)

var hashes = map[string]func() hash.Hash{
	"":                    sha1.New, // the default
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

type blockCipher struct {
	keyLength int // bytes
	make      func(key []byte) (cipher.Block, error)
}

var ciphers = map[string]blockCipher{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// An encrypted key of which all but the passphrase is known.
type encrypted struct {
	pbkdf2Params
	hash   func() hash.Hash
	cipher blockCipher
	iv     []byte
	data   []byte
}

func parsePBES2(der []byte) (*encrypted, error) {
	var info encryptedKeyInfo
	var params pbes2Params
	e := &encrypted{}
	if !unmarshal(der, &info) {
		return nil, &KeyError{Reason: "is damaged"}
	}
	other := &KeyError{Reason: "is encrypted in a way that is not known here; openssl pkcs8 -topk8 -v2 aes256 encrypts it in one that is"}
	if info.Algorithm.Algorithm.String() != oidPBES2 || !unmarshal(info.Algorithm.Parameters.FullBytes, &params) {
		return nil, other
	}
	if params.KDF.Algorithm.String() != oidPBKDF2 || !unmarshal(params.KDF.Parameters.FullBytes, &e.pbkdf2Params) {
		return nil, other
	}
	prf := ""
	if len(e.PRF.Algorithm) > 0 {
		prf = e.PRF.Algorithm.String()
	}
	var known [2]bool
	e.hash, known[0] = hashes[prf]
	e.cipher, known[1] = ciphers[params.Cipher.Algorithm.String()]
	if !known[0] || !known[1] || !unmarshal(params.Cipher.Parameters.FullBytes, &e.iv) {
		return nil, other
	}
	if e.Iterations < 1 || e.Iterations > maxIterations || e.KeyLength != 0 && e.KeyLength != e.cipher.keyLength {
		return nil, other
	}
	e.data = info.Data
	return e, nil
}

func unmarshal(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}

// decrypt returns the PKCS#8 within. That the passphrase is wrong shows in the padding, or in what is there instead.
func (e *encrypted) decrypt(passphrase []byte) ([]byte, error) {
	key, err := pbkdf2.Key(e.hash, string(passphrase), e.Salt, e.Iterations, e.cipher.keyLength)
	if err != nil {
		return nil, &KeyError{Reason: "is encrypted in a way that is not known here"}
	}
	block, err := e.cipher.make(key)
	size := 0
	if err == nil {
		size = block.BlockSize()
	}
	if err != nil || len(e.iv) != size || len(e.data) == 0 || len(e.data)%size != 0 {
		return nil, &KeyError{Reason: "is damaged"}
	}
	plain := make([]byte, len(e.data))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(plain, e.data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > size {
		return nil, &KeyError{Err: ErrPassphrase}
	}
	for _, b := range plain[len(plain)-n:] {
		if int(b) != n {
			return nil, &KeyError{Err: ErrPassphrase}
		}
	}
	return plain[:len(plain)-n], nil
}
