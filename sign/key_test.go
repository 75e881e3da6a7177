package sign

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
)

func TestGenerate(t *testing.T) {
	for _, bits := range []int{0, 1024, 2047, 4097} {
		if _, err := Generate(bits); err == nil {
			t.Errorf("%d bits", bits)
		}
	}
	k := must[*Key](t)(Generate(DefaultBits))
	text := must[[]byte](t)(k.PEM())
	back := must[[]*Key](t)(ParseKeys(text, nil))
	if len(back) != 1 || back[0].Public() != k.Public() || k.Public().Bits() != DefaultBits || len(k.Public().ID()) != 16 {
		t.Errorf("%v became %v", k, back)
	}
}

// tool runs a program in a folder.
func tool(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(testserver.Need(t, args[0]), args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args, err, out)
	}
	return string(out)
}

// The keys that openssl and ssh-keygen make, encrypted and not, and what openssl says of our signatures.
func TestForeignKeys(t *testing.T) {
	for name, command := range map[string]string{
		"openssl genpkey":           "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k",
		"openssl genrsa":            "openssl genrsa -out k 3072",
		"openssl, PKCS#1":           "openssl genrsa -traditional -out k 2048",
		"openssl, aes256":           "openssl genpkey -algorithm RSA -aes256 -pass pass:secret -out k",
		"openssl, aes128, sha512":   "openssl genrsa -out p 2048 && openssl pkcs8 -topk8 -v2 aes128 -v2prf hmacWithSHA512 -passout pass:secret -in p -out k",
		"openssl, aes192, sha384":   "openssl genrsa -out p 2048 && openssl pkcs8 -topk8 -v2 aes192 -v2prf hmacWithSHA384 -passout pass:secret -in p -out k",
		"openssl, des3, sha1":       "openssl genrsa -out p 2048 && openssl pkcs8 -topk8 -v2 des3 -v2prf hmacWithSHA1 -passout pass:secret -in p -out k",
		"openssl, many rounds":      "openssl genrsa -out p 2048 && openssl pkcs8 -topk8 -iter 20000 -passout pass:secret -in p -out k",
		"ssh-keygen":                "ssh-keygen -q -t rsa -b 2048 -m PKCS8 -N '' -C '' -f k",
		"ssh-keygen, encrypted":     "ssh-keygen -q -t rsa -b 2048 -m PKCS8 -N secret -C '' -f k",
		"ssh-keygen, PEM":           "ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -C '' -f k",
		"ssh-keygen, made PKCS8":    "ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f k && ssh-keygen -q -p -P '' -N '' -m PKCS8 -f k",
		"openssl, without line end": "openssl genrsa -out p 2048 && printf %s \"$(cat p)\" > k",
		"openssl, CRLF, with text":  "openssl genrsa -out p 2048 && (echo Key; sed 's/$/\\r/' p) > k",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testserver.Need(t, "openssl")
			dir := t.TempDir()
			tool(t, dir, "sh", "-ec", command)
			text := must[[]byte](t)(os.ReadFile(filepath.Join(dir, "k")))
			secret := func() ([]byte, error) { return []byte("secret"), nil }
			keys := must[[]*Key](t)(ParseKeys(text, secret))
			if bytes.Contains(text, []byte("ENCRYPTED")) {
				checkEncrypted(t, text)
			}
			checkByOpenSSL(t, dir, keys[0])
		})
	}
}

// checkEncrypted tries what does not open a key.
func checkEncrypted(t *testing.T, text []byte) {
	t.Helper()
	if _, err := ParseKeys(text, nil); !errors.Is(err, ErrEncrypted) {
		t.Errorf("without a passphrase: %v", err)
	}
	for _, wrong := range []string{"", "Secret", "secret\n"} {
		if _, err := ParseKeys(text, func() ([]byte, error) { return []byte(wrong), nil }); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	noTTY := errors.New("no terminal")
	if _, err := ParseKeys(text, func() ([]byte, error) { return nil, noTTY }); !errors.Is(err, noTTY) {
		t.Errorf("without a terminal: %v", err)
	}
}

// checkByOpenSSL lets openssl verify a signature as docs/FORMAT.md says, and compute the id and the modulus of the key.
func checkByOpenSSL(t *testing.T, dir string, k *Key) {
	t.Helper()
	signed := must[[]byte](t)(Sign([]byte(manifest), []*Key{k}))
	script := `
openssl pkey -in k -passin pass:secret -pubout -out pub.pem
sed '/^signature /,$d' signed > part
sed -n 's/^signature rsa-sha256 [0-9a-f]* //p' signed | openssl base64 -d -A > sig
openssl dgst -sha256 -verify pub.pem -signature sig part
openssl pkey -pubin -in pub.pem -outform der | openssl dgst -sha256 -r | cut -c 1-16
openssl rsa -pubin -in pub.pem -modulus -noout | cut -d = -f 2 | tr -d '\n' | sed 's/../\\x&/g' | xargs -0 printf | openssl base64 -A
`
	must[any](t)(nil, os.WriteFile(filepath.Join(dir, "signed"), signed, 0o600))
	want := fmt.Sprintf("Verified OK\n%s\n%s", k.Public().ID(), k.Public())
	if got := tool(t, dir, "sh", "-ec", script); got != want {
		t.Errorf("openssl says %s, should say %s", got, want)
	}
	pub := must[[]byte](t)(os.ReadFile(filepath.Join(dir, "pub.pem")))
	if got := must[[]PublicKey](t)(ParsePublicKeys(string(pub))); len(got) != 1 || got[0] != k.Public() {
		t.Errorf("pub.pem is %v", got)
	}
}

// Keys that devices could not verify, and files that are something else. Of none of them a text gets into the error.
func TestRefusedKeys(t *testing.T) {
	for command, want := range map[string]string{
		"openssl genrsa -out k 1024":                                                                   "has less than 2048 bits",
		"openssl genrsa -3 -out k 2048":                                                                "has another exponent than 65537",
		"openssl genpkey -algorithm ED25519 -out k":                                                    "is no RSA key",
		"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k":                        "is no RSA key",
		"openssl genpkey -algorithm RSA-PSS -out k":                                                    "no RSA key",
		"openssl genrsa -traditional -aes128 -passout pass:secret -out k 2048":                         "in the way of PKCS#1",
		"ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f k":                                                "in the format of OpenSSH",
		"openssl genrsa -out p 2048 && openssl rsa -in p -pubout -out k":                               "is a public key",
		"openssl genrsa -out p 2048 && openssl pkcs8 -topk8 -scrypt -passout pass:secret -in p -out k": "in a way that is not known here",
		"openssl genrsa -out p 2048 && head -n 20 p > k":                                               "is not a private key in PEM",
		"openssl genrsa -out p 2048 && head -n 20 p > k && cat p >> k":                                 "is not a private key in PEM",
		"openssl genrsa -out p 2048 && tr '\\n' ' ' < p > k":                                           "is not a private key in PEM",
		"openssl genrsa -out p 2048 && sed 5s/./!/ p > k":                                              "is not a private key in PEM",
		"openssl genrsa -out p 2048 && sed 5s/^..../AAAA/ p > k":                                       "is damaged",
		"echo hello > k": "is not a private key in PEM",
		": > k":          "is not a private key in PEM",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			testserver.Need(t, "openssl")
			dir := t.TempDir()
			tool(t, dir, "sh", "-ec", command)
			text := must[[]byte](t)(os.ReadFile(filepath.Join(dir, "k")))
			_, err := ParseKeys(text, func() ([]byte, error) { return []byte("secret"), nil })
			if _, ok := errors.AsType[*KeyError](err); !ok || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, should be %s", err, want)
			}
		})
	}
}

// Whoever prints a key by accident prints its id.
func TestKeyDoesNotPrint(t *testing.T) {
	k := twoKeys()[0]
	want := "key " + k.Public().ID()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(format, k); got != want {
			t.Errorf("%s: %.80s", format, got)
		}
	}
	if got, err := json.Marshal(map[string]any{"k": k}); err != nil || string(got) != `{"k":"`+want+`"}` {
		t.Errorf("%.80s, %v", got, err)
	}
}

// FuzzKeys looks for texts that make a panic, and that come back in an error.
func FuzzKeys(f *testing.F) {
	k, err := twoKeys()[0].PEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k)
	for _, kind := range []string{"ENCRYPTED PRIVATE KEY", "PUBLIC KEY", "RSA PRIVATE KEY"} {
		block, _ := pem.Decode(k)
		block.Type = kind
		f.Add(pem.EncodeToMemory(block))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := ParseKeys(text, func() ([]byte, error) { return []byte("x"), nil })
		_, other := ParsePublicKeys(string(text))
		for _, err := range []error{err, other} {
			if _, ok := errors.AsType[*KeyError](err); err != nil && !ok {
				t.Errorf("%T %v", err, err)
			}
		}
	})
}
