package sign

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/otactl/otactl/layout"
)

var write = flag.Bool("write", false, "write testdata/vectors/signatures.jsonl and signers.json, with new keys")

// A forger makes vectors. It has all private keys, and so can make what an attacker without them would try to.
type forger struct {
	t       *testing.T
	keys    map[string]*rsa.PrivateKey
	vectors []vector
}

const third = "file 27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a 4 node.py\n"

// TestWriteVectors makes the vectors anew; their verdicts are what this file expects, and TestVectors compares.
func TestWriteVectors(t *testing.T) {
	if !*write {
		t.Log("only with -write")
		return
	}
	f := &forger{t: t, keys: map[string]*rsa.PrivateKey{}}
	for name, bits := range map[string]int{"a": 2048, "b": 2048, "c": 3072, "d": 4096, "odd": 2050, "1024": 1024, "2040": 2040, "4104": 4104} {
		f.keys[name] = must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, bits))
	}
	f.keys["e3"] = exponentThree(t)
	f.valid()
	f.unsigned()
	f.swapped()
	f.spellings()
	f.paddings()
	f.numbers()
	f.weak()
	f.grammar()
	f.save()
}

// exponentThree makes a key of which an attacker would wish that devices took it.
func exponentThree(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	for {
		p := must[*big.Int](t)(rand.Prime(rand.Reader, 1024))
		q := must[*big.Int](t)(rand.Prime(rand.Reader, 1024))
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(3), phi)
		n := new(big.Int).Mul(p, q)
		if d != nil && n.BitLen() == 2048 {
			return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 3}, D: d, Primes: []*big.Int{p, q}}
		}
	}
}

func (f *forger) id(key string) string {
	return PublicKey{string(f.keys[key].N.Bytes())}.ID()
}

// raw is the private operation on a number.
func (f *forger) raw(key string, x *big.Int) []byte {
	k := f.keys[key]
	return new(big.Int).Exp(x, k.D, k.N).FillBytes(make([]byte, (k.N.BitLen()+7)/8))
}

// prefix is what RFC 8017, section 9.2, puts before a SHA-256.
const prefix = "3031300d060960864801650304020105000420"

// encoding is the padded hash of a manifest, for so many bytes.
func encoding(data []byte, size int) []byte {
	return encodingOf(sha256.Sum256(layout.SignedPart(data)), size)
}

func encodingOf(sum [32]byte, size int) []byte {
	info := append(unhex(prefix), sum[:]...)
	em := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-len(info))...)
	return append(append(em, 0), info...)
}

func unhex(text string) []byte {
	data, _ := hex.DecodeString(text)
	return data
}

func (f *forger) signature(key string, data []byte) []byte {
	size := (f.keys[key].N.BitLen() + 7) / 8
	return f.raw(key, new(big.Int).SetBytes(encoding(data, size)))
}

func line(id string, signature []byte) string {
	return "signature rsa-sha256 " + id + " " + base64.StdEncoding.EncodeToString(signature) + "\n"
}

// signed returns a text with a right signature of each key.
func (f *forger) signed(text string, keys ...string) string {
	lines := ""
	for _, key := range keys {
		lines += line(f.id(key), f.signature(key, []byte(text)))
	}
	return text + lines
}

func (f *forger) add(ok bool, why, text string, keys ...string) {
	v := vector{OK: ok, Why: why, Keys: keys, Project: "sample", Tag: "v1.0.1", Text: text}
	if !utf8.ValidString(text) {
		v.Text, v.Base64 = "", []byte(text)
	}
	f.vectors = append(f.vectors, v)
}

func (f *forger) each(kind string) { f.vectors[len(f.vectors)-1].Each = kind }

func (f *forger) asked(project, tag string) {
	v := &f.vectors[len(f.vectors)-1]
	v.Project, v.Tag = project, tag
}

const (
	base = manifest + third
	dir  = "otactl 1\nproject sample\nversion v1.0.1\nlayout directory\nfile 5eb1ff75cf947f67684ad15844597b456fdf4917d92f8f690ea184d046902a22 13 main.py\n"
)

func (f *forger) valid() {
	f.add(true, "three files, every bit of them", f.signed(base, "a"), "a")
	f.each("bit")
	f.add(true, "three files, cut after every byte", f.signed(base, "a"), "a")
	f.each("cut")
	f.add(true, "3072 bits", f.signed(base, "c"), "c")
	f.add(true, "4096 bits", f.signed(base, "d"), "d")
	f.add(true, "2050 bits", f.signed(base, "odd"), "odd")
	f.add(true, "directory layout", f.signed(dir, "a"), "a")
	f.add(true, "with a line that is not known here", f.signed(base+"delta v1.0.0 main.py\n", "a"), "a")
	f.add(true, "a line of the greatest length", f.signed(base+"x "+strings.Repeat("y", 898)+"\n", "a"), "a")
	f.add(true, "old and new key, old device", f.signed(base, "a", "b"), "a")
	f.add(true, "old and new key, new device", f.signed(base, "a", "b"), "b")
	f.add(true, "old and new key, device with both", f.signed(base, "a", "b"), "a", "b")
	f.add(true, "device with both, signed by the second", f.signed(base, "b"), "a", "b")
	f.add(true, "keys of several sizes", f.signed(base, "c", "d", "b", "a"), "1024", "e3", "a")
	f.add(true, "the same signature twice", f.signed(base, "a", "a"), "a")
	f.add(true, "the id of another key: a hint", base+line(f.id("b"), f.signature("a", []byte(base))), "a")
	f.add(true, "a wrong signature first", base+line(f.id("a"), f.signature("b", []byte(base)))+line(f.id("a"), f.signature("a", []byte(base))), "a")
	f.add(true, "a short signature first", base+line(f.id("a"), []byte{1})+line(f.id("a"), f.signature("a", []byte(base))), "a")
	text, signature := f.leadingZero()
	f.add(true, "a signature that begins with a zero byte", text+line(f.id("a"), signature), "a")
	f.add(false, "the same without it", text+line(f.id("a"), signature[1:]), "a")
}

// leadingZero finds a manifest whose signature begins with a zero byte.
func (f *forger) leadingZero() (text string, signature []byte) {
	for i := 0; ; i++ {
		text = fmt.Sprintf("%sx %d\n", base, i)
		if signature = f.signature("a", []byte(text)); signature[0] == 0 {
			return text, signature
		}
	}
}

func (f *forger) unsigned() {
	f.add(false, "not signed", base, "a")
	f.add(false, "signed, and there is no key", f.signed(base, "a"))
	f.add(false, "signed by another key", f.signed(base, "b"), "a")
	f.add(false, "signed by another key, with the id of the right one", base+line(f.id("a"), f.signature("b", []byte(base))), "a")
	f.add(false, "signed by four others", f.signed(base, "b", "c", "d", "odd"), "a")
	f.add(false, "a signature over the file lines alone", base+line(f.id("a"), f.signature("a", []byte(base[strings.Index(base, "file "):]))), "a")
	f.add(false, "a signature without the last line feed", base+line(f.id("a"), f.signature("a", []byte(strings.TrimSuffix(base, "\n")))), "a")
	one := f.signed(base, "b")
	f.add(false, "a signature over the first signature line too", one+line(f.id("a"), f.raw("a", new(big.Int).SetBytes(encodingOf(sha256.Sum256([]byte(one)), 256)))), "a")
	f.add(false, "five signatures", f.signed(base, "a", "b", "c", "d", "odd"), "a")
}

func (f *forger) swapped() {
	for _, c := range [][2]string{{"sampler", "v1.0.1"}, {"Sample", "v1.0.1"}, {"sample", "v1.0.2"}, {"sample", "1.0.1"}, {"sample", "v1.0.1-rc.1"}, {"other", "v2.0.0"}} {
		f.add(false, "right, and "+c[0]+" "+c[1]+" was asked for", f.signed(base, "a"), "a")
		f.asked(c[0], c[1])
		text := strings.NewReplacer("project sample", "project "+c[0], "version v1.0.1", "version "+c[1]).Replace(base)
		f.add(false, "rewritten to "+c[0]+" "+c[1]+", with the old signature", text+line(f.id("a"), f.signature("a", []byte(base))), "a")
		f.asked(c[0], c[1])
	}
	f.add(true, "another project, when it was asked for", f.signed(strings.Replace(base, "project sample", "project other", 1), "a"), "a")
	f.asked("other", "v1.0.1")
	right := line(f.id("a"), f.signature("a", []byte(base)))
	for why, text := range map[string]string{
		"a file less":                 manifest + right,
		"a file more":                 base + "file 27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a 4 z.py\n" + right,
		"another order":               strings.Replace(base, third, "", 1) + right,
		"the other layout":            strings.Replace(base, "version v1.0.1\n", "version v1.0.1\nlayout directory\n", 1) + right,
		"a line put before":           base + "x\n" + right,
		"a file after the signature":  base + right + third,
		"a line after the signature":  base + right + "x\n",
		"an empty line after it":      base + right + "\n",
		"text after it":               base + right + "file",
		"a blank after it":            base + right + " \n",
		"a signature, then a release": right + base,
		"two releases":                base + right + base + right,
		"a signature in the middle":   manifest + right + third,
		"between files, and right":    f.signed(manifest, "a") + third,
		"another algorithm after it":  base + right + strings.Replace(right, "rsa-sha256", "rsa-sha512", 1),
		"no signature after it":       base + right + "signature\n",
	} {
		f.add(false, why, text, "a")
	}
}

// spellings writes a right signature in ways that some decoders of base64 take, and lines that some splitters take.
func (f *forger) spellings() {
	right := f.signature("a", []byte(base)) // 256 bytes: base64 that ends in ==
	text := base64.StdEncoding.EncodeToString(right)
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", text[341])
	unused := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[last|1]
	for why, spelled := range map[string]string{
		"no padding": text[:342], "half of the padding": text[:343], "more padding": text + "=", "padding twice": text + "==",
		"unused bits set": text[:341] + string(unused) + "==", "for URLs": strings.NewReplacer("+", "-", "/", "_").Replace(text) + "-",
		"a blank inside": text[:100] + " " + text[100:], "a tab inside": text[:100] + "\t" + text[100:], "a line feed inside": text[:100] + "\n" + text[100:],
		"a carriage return inside": text[:76] + "\r\n" + text[76:], "a sign that is none": text[:100] + "!" + text[100:], "padding inside": text[:100] + "==" + text[100:],
		"a NUL inside": text[:100] + "\x00" + text[100:], "beyond ASCII": text[:100] + "\u00e9" + text[100:], "text behind": text + "AAAA", "a full stop behind": text + ".",
		"in hex": hex.EncodeToString(right), "none": "", "one sign": "A", "padding only": "====", "quoted": `"` + text + `"`,
	} {
		f.add(false, "base64: "+why, base+"signature rsa-sha256 "+f.id("a")+" "+spelled+"\n", "a")
	}
	l := line(f.id("a"), right)
	for why, spelled := range map[string]string{
		"two blanks": strings.Replace(l, " ", "  ", 1), "a blank before": " " + l, "a blank behind": strings.Replace(l, "\n", " \n", 1),
		"a tab": strings.Replace(l, " ", "\t", 1), "CRLF": strings.Replace(l, "\n", "\r\n", 1), "no line feed": strings.TrimSuffix(l, "\n"),
		"upper case": "SIGNATURE" + l[9:], "a longer word": "signatures" + l[9:], "id in upper case": strings.Replace(l, f.id("a"), "ABCDEF0123456789", 1),
		"id too short": strings.Replace(l, f.id("a"), f.id("a")[1:], 1), "id too long": strings.Replace(l, f.id("a"), f.id("a")+"0", 1),
		"no id": strings.Replace(l, f.id("a")+" ", "", 1), "a word more": strings.Replace(l, "\n", " x\n", 1), "form feed": strings.Replace(l, " ", "\f", 1),
		"another hash": strings.Replace(l, "sha256", "sha1", 1), "vertical tab": strings.Replace(l, "\n", "\v\n", 1),
	} {
		f.add(false, "signature line: "+why, base+spelled, "a")
	}
}

func (f *forger) save() {
	signers := map[string]string{}
	for name, key := range f.keys {
		signers[name] = base64.StdEncoding.EncodeToString(key.N.Bytes())
	}
	signers["zero"] = base64.StdEncoding.EncodeToString(append([]byte{0}, f.keys["a"].N.Bytes()...))
	signers["word"], signers["nothing"] = "keys.txt", ""
	data := must[[]byte](f.t)(json.MarshalIndent(signers, "", "  "))
	must[any](f.t)(nil, os.WriteFile(signersFile, append(data, '\n'), 0o644))
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, v := range f.vectors {
		if v.Keys == nil {
			v.Keys = []string{}
		}
		must[any](f.t)(nil, enc.Encode(v))
	}
	must[any](f.t)(nil, os.WriteFile(vectorsFile, b.Bytes(), 0o644))
	f.t.Logf("%d vectors", len(f.vectors))
}
