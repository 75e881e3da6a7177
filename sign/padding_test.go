package sign

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"math/big"
	"os"
	"strings"
)

// paddings are encodings that verifiers took which looked for the hash in them. The owner's key made the signatures: so they are
// what an attacker would have to find, and a verifier that takes one of them is a broken one.
func (f *forger) paddings() {
	right := encoding([]byte(base), 256)
	info := right[256-51:] // the prefix and the hash
	hash := info[19:]
	ff := func(n int) []byte { return bytes.Repeat([]byte{0xff}, n) }
	fill := func(parts ...[]byte) []byte { // with noise to the right length
		em := bytes.Join(parts, nil)
		noise := make([]byte, 256-len(em))
		_, _ = rand.Read(noise)
		return append(em, noise...)
	}
	flip := func(at int) []byte {
		em := bytes.Clone(right)
		em[at] ^= 1
		return em
	}
	noNull := append([]byte("\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20"), hash...)
	other := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x20"), hash...) // says SHA-512
	inParameters := append([]byte("\x30\x35\x30\x11\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x04ABCD\x04\x20"), hash...)
	longForm := append([]byte("\x30\x81\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), hash...)
	whole := func(head, info []byte) []byte {
		return append(append(append(head, ff(256-len(head)-1-len(info))...), 0), info...)
	}
	typeOne := func() []byte { return []byte{0, 1} }
	for why, em := range map[string][]byte{
		"Bleichenbacher 2006: eight bytes of padding, the hash, noise": fill(typeOne(), ff(8), []byte{0}, info),
		"no padding, the hash, noise":                                  fill(typeOne(), []byte{0}, info),
		"one byte of padding, the hash, noise":                         fill(typeOne(), ff(1), []byte{0}, info),
		"all but a byte of padding, a byte behind":                     fill(typeOne(), ff(256-3-51-1), []byte{0}, info),
		"the hash twice":                                  append(fill(typeOne(), ff(8), []byte{0}, info)[:256-51], info...),
		"noise in place of the padding":                   append(append(fill(typeOne(), ff(8))[:256-52], 0), info...),
		"zeros in place of the padding":                   append(make([]byte, 256-51), info...),
		"the hash alone":                                  append(make([]byte, 256-32), hash...),
		"the hash alone, padded":                          whole(typeOne(), hash),
		"type 2":                                          whole([]byte{0, 2}, info),
		"type 0":                                          whole([]byte{0, 0}, info),
		"no NULL":                                         whole(typeOne(), noNull),
		"SHA-512 it says":                                 whole(typeOne(), other),
		"something in the parameters":                     whole(typeOne(), inParameters),
		"a long form of a length":                         whole(typeOne(), longForm),
		"no zero before the hash":                         append(append(typeOne(), ff(256-2-51)...), info...),
		"the last bit of the hash":                        flip(255),
		"the first bit of the hash":                       flip(224),
		"a bit in the middle of the hash":                 flip(240),
		"a bit of the prefix":                             flip(210),
		"a bit of the zero":                               flip(204),
		"the last byte of the padding":                    flip(203),
		"the first byte of the padding":                   flip(2),
		"a byte in the middle of the padding":             flip(100),
		"all 0xff":                                        append([]byte{0, 1}, ff(254)...),
		"of the whole manifest with the signature's word": encoding([]byte(base+"signature"), 256),
	} {
		f.add(false, "padding: "+why, base+line(f.id("a"), f.raw("a", new(big.Int).SetBytes(em))), "a")
	}
}

// numbers are signatures that are numbers out of range, or the right one at another length.
func (f *forger) numbers() {
	n := f.keys["a"].N
	right := new(big.Int).SetBytes(f.signature("a", []byte(base)))
	at := func(x *big.Int, size int) []byte { return x.FillBytes(make([]byte, size)) }
	one := big.NewInt(1)
	for why, s := range map[string][]byte{
		"0": make([]byte, 256), "1": at(one, 256), "n - 1": at(new(big.Int).Sub(n, one), 256), "n": at(n, 256),
		"n - s": at(new(big.Int).Sub(n, right), 256), "s + n": at(new(big.Int).Add(right, n), 257),
		"s with a zero byte before": at(right, 257), "s with two zero bytes behind": append(at(right, 256), 0, 0), "half of s": at(right, 256)[:128],
		"s twice": append(at(right, 256), at(right, 256)...), "s reversed": reversed(at(right, 256)),
		"the encoding itself": encoding([]byte(base), 256), "a byte": {1}, "255 bytes": at(right, 256)[1:],
	} {
		f.add(false, "signature: "+why, base+line(f.id("a"), s), "a")
	}
	text, s := f.fitting()
	f.add(false, "signature: s + n, which has the length of n", text+line(f.id("a"), s), "a")
}

func reversed(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[len(data)-1-i] = b
	}
	return out
}

// fitting finds a manifest with a signature s so small that s + n has the length of n.
func (f *forger) fitting() (text string, signature []byte) {
	n := f.keys["a"].N
	for i := 0; ; i++ {
		text = base + "y " + strings.Repeat("i", i%890+1) + "\n"
		sum := new(big.Int).Add(new(big.Int).SetBytes(f.signature("a", []byte(text))), n)
		if sum.BitLen() <= 2048 {
			return text, sum.FillBytes(make([]byte, 256))
		}
	}
}

// weak are right signatures by keys that devices do not take, and one that needs no key if e is 3.
func (f *forger) weak() {
	for _, key := range []string{"1024", "2040", "4104", "e3"} {
		f.add(false, "by a key of the kind "+key, f.signed(base, key), key)
		f.add(false, "by a key of the kind "+key+", that is not the device's", f.signed(base, key), "a")
	}
	f.add(false, "a key with a zero byte before", f.signed(base, "a"), "zero")
	f.add(false, "a key and a signature with a zero byte before", base+line(f.id("a"), append([]byte{0}, f.signature("a", []byte(base))...)), "zero")
	f.add(false, "a key that is a word", f.signed(base, "a"), "word")
	f.add(false, "a key that is nothing", f.signed(base, "a"), "nothing")
	f.add(true, "after keys that are none", f.signed(base, "a"), "nothing", "zero", "a")

	// The cube root of 00 01 ff ... 00 <hash> and noise, rounded up, whose cube begins like that.
	target := append(encoding([]byte(base), 256)[:2], bytes.Repeat([]byte{0xff}, 8)...)
	target = append(append(target, 0), encoding([]byte(base), 256)[256-51:]...)
	target = append(target, bytes.Repeat([]byte{0xff}, 256-len(target))...)
	f.add(false, "a cube root, for e = 3", base+line(f.id("e3"), cubeRoot(new(big.Int).SetBytes(target)).FillBytes(make([]byte, 256))), "e3")
}

func cubeRoot(x *big.Int) *big.Int {
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), 700)
	for {
		mid := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		if mid.Cmp(low) == 0 {
			return low
		}
		if new(big.Int).Exp(mid, big.NewInt(3), nil).Cmp(x) > 0 {
			high = mid
		} else {
			low = mid
		}
	}
}

// grammar signs what violates the grammar, all vectors of manifests.jsonl that do: a good signature makes none of them a manifest.
func (f *forger) grammar() {
	data := must[[]byte](f.t)(os.ReadFile("../testdata/vectors/manifests.jsonl"))
	for line := range bytes.Lines(data) {
		var v struct {
			OK     bool
			Text   string
			Base64 []byte
			Parts  any
			Why    string
		}
		must[any](f.t)(nil, json.Unmarshal(line, &v))
		text := v.Text
		if v.Base64 != nil {
			text = string(v.Base64)
		}
		if !v.OK && v.Parts == nil {
			part := text
			if i := strings.Index(text, "\nsignature "); i >= 0 {
				part = text[:i+1]
			}
			f.add(false, "grammar, signed: "+v.Why, f.signed(part, "a")+text[len(part):], "a")
		}
	}
	for _, size := range []string{"1_2", "+12", "012", "0xc", "0b11", "0o14", "12.", "12.0", "1e1", "-0", "00", "1 2", "\u0661\u0662", "\u00b2", "1,2", "0012", "12L", "12j", "", "1000000000", "\t12", "12\r"} {
		f.add(false, "size spelled "+size, f.signed(strings.Replace(base, " 12 boot", " "+size+" boot", 1), "a"), "a")
	}
	for _, tag := range []string{"v01.0.1", "v1.0.1+b", "v1.0", "v1.0.1-", "v1.0.1-01", "v1.0.1_", "v18446744073709551616.0.0", "v1_0.0.0", "v+1.0.1", "V1.0.1", "v1.0.1.", "v1.0.1-\u0661", "1.0.1.manifest", "v1.0.0-a.manifest"} {
		f.add(false, "tag spelled "+tag, f.signed(strings.Replace(base, "v1.0.1", tag, 1), "a"), "a")
		f.asked("sample", tag)
	}
}
