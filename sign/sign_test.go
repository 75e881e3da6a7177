package sign

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/otactl/otactl/layout"
)

const manifest = "otactl 1\nproject sample\nversion v1.0.1\n" +
	"file d9667f46102c74297c52e4bb923af6bec98f5ece44c5fac728fb3a992dd997e2 12 boot.py\n" +
	"file 5eb1ff75cf947f67684ad15844597b456fdf4917d92f8f690ea184d046902a22 13 main.py\n"

var twoKeys = sync.OnceValue(func() (keys [2]*Key) {
	for i := range keys {
		key, err := Generate(MinBits)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func must[T any](t testing.TB) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestSign(t *testing.T) {
	a, b := twoKeys()[0], twoKeys()[1]
	none, one, both := []PublicKey{}, []PublicKey{b.Public()}, []PublicKey{a.Public(), b.Public()}
	unsigned := []byte(manifest)
	byA := must[[]byte](t)(Sign(unsigned, []*Key{a}))
	byBoth := must[[]byte](t)(Sign(unsigned, []*Key{a, b}))
	if again := must[[]byte](t)(Sign(unsigned, []*Key{a})); !bytes.Equal(byA, again) {
		t.Error("signing again gives other bytes")
	}
	if !layout.SameRelease(byA, unsigned) || !layout.SameRelease(byA, byBoth) {
		t.Error("a signature changes the release")
	}
	if same := must[[]byte](t)(Sign(unsigned, nil)); !bytes.Equal(same, unsigned) {
		t.Error("no key changes the manifest")
	}
	for name, c := range map[string]struct {
		data []byte
		keys []PublicKey
		want string
	}{
		"by the first of two":       {byA, both, ""},
		"by the other":              {byA, one, fmt.Sprintf("release v1.0.1 has signatures (%s) of none of the public keys (%s)", a.Public().ID(), b.Public().ID())},
		"by both, one known":        {byBoth, one, ""},
		"nobody may sign":           {byA, none, fmt.Sprintf("release v1.0.1 has signatures (%s) of none of the public keys ()", a.Public().ID())},
		"not signed":                {unsigned, both, "release v1.0.1 is not signed"},
		"the zero key":              {byA, []PublicKey{{}}, ""},
		"another id":                {bytes.Replace(byA, []byte(a.Public().ID()), []byte("0123456789abcdef"), 1), both, ""},
		"a file changed":            {bytes.Replace(byA, []byte(" 12 "), []byte(" 13 "), 1), both, ""},
		"a line before signatures":  {bytes.Replace(byA, []byte("signature"), []byte("x\nsignature"), 1), both, ""},
		"a signature beside a good": {append(bytes.Clone(byA), "signature rsa-sha256 0123456789abcdef AAAA\n"...), both, ""},
		"no manifest":               {[]byte("x\n"), both, `manifest line 1: is not "otactl 1"`},
	} {
		err := Verify(c.data, c.keys)
		good := name == "by the first of two" || name == "by both, one known" || name == "another id" || name == "a signature beside a good"
		if (err == nil) != good || c.want != "" && err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if e, ok := errors.AsType[*UnsignedError](err); err != nil && name != "no manifest" && (!ok || e.Tag.String() != "v1.0.1") {
			t.Errorf("%s: %T", name, err)
		}
	}
}

// What Sign returns was verified: a key that signs wrong is found out.
func TestSignVerifiesItself(t *testing.T) {
	wrong := &Key{twoKeys()[0].private, twoKeys()[1].public}
	if data, err := Sign([]byte(manifest), []*Key{wrong}); err == nil || data != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestSignRefuses(t *testing.T) {
	keys := twoKeys()
	signed := must[[]byte](t)(Sign([]byte(manifest), keys[:1]))
	for name, c := range map[string]struct {
		data string
		keys []*Key
		want string
	}{
		"no manifest":    {"x\n", keys[:1], `manifest line 1: is not "otactl 1"`},
		"twice":          {string(signed), keys[1:], "release v1.0.1 is signed already"},
		"by five":        {manifest, []*Key{keys[0], keys[1], keys[0], keys[1], keys[0]}, "more than 4 signatures"},
		"too long by it": {manifest + strings.Repeat("x "+strings.Repeat("y", 650)+"\n", 100), keys[:1], "longer than 65536 bytes"},
	} {
		if _, err := Sign([]byte(c.data), c.keys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No bit of a signed manifest can change, wherever it is, but for those of the key's id, which is a hint.
func TestEveryBit(t *testing.T) {
	a := twoKeys()[0]
	signed := must[[]byte](t)(Sign([]byte(manifest), []*Key{a}))
	id := bytes.Index(signed, []byte(a.Public().ID()))
	for i := range 8 * len(signed) {
		data := bytes.Clone(signed)
		data[i/8] ^= 1 << (i % 8)
		err := Verify(data, []PublicKey{a.Public()})
		if inID := i/8 >= id && i/8 < id+16; err == nil && !inID {
			t.Fatalf("bit %d of byte %d, %q", i%8, i/8, data)
		}
	}
	for n := range signed {
		if err := Verify(signed[:n], []PublicKey{a.Public()}); err == nil {
			t.Fatalf("the first %d bytes", n)
		}
	}
}

func TestPublicKeys(t *testing.T) {
	k := twoKeys()[0].Public()
	word := k.String()
	if got := must[[]PublicKey](t)(ParsePublicKeys("\n" + word + " \t" + twoKeys()[1].Public().String())); len(got) != 2 || got[0] != k {
		t.Errorf("%v", got)
	}
	short := base64.StdEncoding.EncodeToString([]byte(k.modulus[1:]))
	for text, want := range map[string]string{
		"":                 "holds no key",
		" \n":              "holds no key",
		"keys.txt":         "is not the modulus",
		word + "\n" + "A":  "is not the modulus",
		word[:len(word)-1]: "is not the modulus",
		base64.StdEncoding.EncodeToString([]byte("\x00" + k.modulus)):             "is not the modulus",
		base64.StdEncoding.EncodeToString([]byte(k.modulus[:255] + "\x02")):       "is even",
		base64.StdEncoding.EncodeToString([]byte(k.modulus + k.modulus + "\x01")): "more than 4096",
		short: "less than 2048",
		string(must[[]byte](t)(twoKeys()[0].PEM())):                    "is a private key",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n": `is not a "PUBLIC KEY"`,
		"-----BEGIN PUBLIC KEY-----\nAAAA\n":                           "damaged",
	} {
		_, err := ParsePublicKeys(text)
		if _, ok := errors.AsType[*KeyError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, should be %s", text, err, want)
		}
	}
}
