package proofs

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
)

// A signature is a line of testdata/vectors/signatures.jsonl, which the tests of package sign read too (README.md there).
type signature struct {
	vector
	Keys         []string
	Project, Tag string
	Each         string
}

// signatures returns the vectors and the keys that they name.
func signatures(t testing.TB) (list []signature, signers map[string]string) {
	t.Helper()
	folder := filepath.Join("..", "..", "testdata", "vectors")
	for line := range strings.Lines(string(read(t, filepath.Join(folder, "signatures.jsonl")))) {
		var s signature
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := json.Unmarshal(read(t, filepath.Join(folder, "signers.json")), &signers); err != nil || len(list) == 0 {
		t.Fatal(err)
	}
	return list, signers
}

// accepts is the verdict of Go, as that of a device that was asked to install a tag of a project.
func (s signature) accepts(data []byte, signers map[string]string) bool {
	var keys []sign.PublicKey
	for _, name := range s.Keys {
		if some, err := sign.ParsePublicKeys(signers[name]); err == nil {
			keys = append(keys, some...)
		}
	}
	m, err := layout.ParseManifest(data)
	return err == nil && sign.Verify(data, keys) == nil && string(m.Project) == s.Project && m.Tag.String() == s.Tag
}

// A trial is what tests/signatures.py is to judge: a line of its list, and what it must print.
type trial struct{ line, name, want, why string }

// trials are the files for tests/signatures.py, and the lines of its list. Of the variants of a vector every n-th is taken, from
// a start: with every start from 0 to n-1 that is all of them. A line has at most a portion of them.
func trials(t testing.TB, start, n, portion int) (files tree, list []trial) {
	t.Helper()
	vectors, signers := signatures(t)
	files = tree{}
	for i, s := range vectors {
		data := s.input(t)
		name, keys := fmt.Sprintf("m%03d", i), fmt.Sprintf("k%03d", i)
		files[name], files[keys] = string(data), ""
		for _, key := range s.Keys {
			files[keys] += signers[key] + "\n"
		}
		add := func(variant string, first, stop, step int) {
			line := fmt.Sprintf("%s %s %s %s %s %d %d %d\n", name, keys, s.Project, s.Tag, variant, first, stop, step)
			list = append(list, trial{line, name, s.judge(data, variant, first, stop, step, signers), s.Why})
		}
		add("all", 0, 0, 0)
		for most := map[string]int{"bit": 8 * len(data), "cut": len(data)}[s.Each]; start < most; most = 0 {
			for at := start; at < most; at += portion * n {
				add(s.Each, at, min(at+portion*n, most), n)
			}
		}
	}
	return files, list
}

// judge gives the verdicts of Go in the way of tests/signatures.py.
func (s signature) judge(data []byte, variant string, start, stop, step int, signers map[string]string) string {
	digit := map[bool]string{true: "1", false: "0"}
	if variant == "all" {
		return digit[s.accepts(data, signers)]
	}
	var b strings.Builder
	for i := start; i < stop; i += step {
		changed := append([]byte(nil), data...)
		if variant == "cut" {
			changed = changed[:i]
		} else {
			changed[i/8] ^= 1 << (i % 8)
		}
		b.WriteString(digit[s.accepts(changed, signers)])
	}
	return b.String()
}

// TestSignatures lets each MicroPython judge all vectors and their variants: the unix port every bit of a signed manifest and every
// cut of it, the others a part of them.
func TestSignatures(t *testing.T) {
	for build, c := range map[string]struct{ start, step, portion int }{
		unix:     {0, 1, 6000},
		"1.20":   {1, 128, 20}, // which cannot collect garbage
		"1.23":   {2, 16, 2000},
		"newest": {3, 16, 2000},
	} {
		t.Run(build, func(t *testing.T) {
			t.Parallel()
			files, list := trials(t, c.start, c.step, c.portion)
			if wrong := judged(t, build, newBoard(t, sources(t), files), list, c.portion); len(wrong) > 0 {
				t.Errorf("%d wrong verdicts\n%s", len(wrong), strings.Join(wrong, "\n"))
			}
		})
	}
}

// judged runs tests/signatures.py in a build, with at most a portion in a process, and returns what it says otherwise than Go.
func judged(t testing.TB, build string, b *board, list []trial, portion int) (wrong []string) {
	t.Helper()
	for len(list) > 0 {
		n, weight := 0, 0
		lines := ""
		for ; n < len(list) && (n == 0 || weight+len(list[n].want) <= portion); n++ {
			lines += list[n].line
			weight += len(list[n].want)
		}
		b.write(t, tree{"list": lines})
		got := strings.Split(runIn(t, build, b.dir, "signatures.py"), "\n")
		if strings.HasPrefix(got[0], "#version") {
			got = got[1:]
		}
		for i, c := range list[:n] {
			name, verdicts, _ := strings.Cut(got[i], " ")
			if name != c.name || verdicts != c.want {
				wrong = append(wrong, fmt.Sprintf("%s: says %.200q, should be %.200s (%s)", c.why, got[i], c.want, strings.TrimSpace(c.line)))
			}
		}
		list = list[n:]
	}
	return wrong
}

// Verifiers that are broken in the ways in which verifiers were: each is found out by the vectors.
func TestBrokenVerifiers(t *testing.T) {
	const (
		compare = "if _times(s, x, n, size) == (2 << 8 * (size - 2)) - (1 << 8 * len(h)) + int.from_bytes(h, 'big'):"
		em      = "_times(s, x, n, size).to_bytes(size, 'big')"
		want    = "(b'\\0\\1' + b'\\xff' * (size - 2 - len(h)) + h)"
	)
	for name, c := range map[string]struct{ old, broken string }{
		"checks nothing":           {"    raise ValueError('signature: none of the keys')", "    return"},
		"parses the padding":       {compare, "if " + em + "[:4] == " + want + "[:4] and h in " + em + ":"},
		"parses it from the right": {compare, "if " + em + ".find(b'\\0' + h) > 0:"},
		"compares the begin":       {compare, "if " + em + "[:-1] == " + want + "[:-1]:"},
		"compares the begin, half": {compare, "if " + em + "[:128] == " + want + "[:128]:"},
		"compares the end":         {compare, "if " + em + "[-51:] == h[-51:]:"},
		"compares the hash alone":  {compare, "if " + em + "[-32:] == h[-32:]:"},
		"takes what is too large":  {"x >= n or ", ""},
		"takes any length":         {"len(n) != size or ", ""},
		"takes small keys":         {"if len(n) != size or not 256 <= size <= 512:", "if len(n) != size:"},
		"compares nothing":         {compare, "if x:"},
		"e is 3":                   {"for _ in range(16):", "for _ in range(1):"},
		"hashes without the end":   {"            h.update(line)", "            h.update(line.rstrip())"},
		"takes the first key only": {"for n in keys:", "for n in keys[:1]:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := sources(t)
			good := client[keyPart+".py"]
			client[keyPart+".py"] = strings.Replace(good, c.old, c.broken, 1)
			if client[keyPart+".py"] == good {
				t.Fatalf("the verifier has no %q", c.old)
			}
			files, list := trials(t, 0, 512, 1000)
			wrong := judged(t, unix, newBoard(t, client, files), list, 1000)
			t.Logf("%d wrong verdicts", len(wrong))
			if len(wrong) == 0 {
				t.Error("nobody notices")
			}
		})
	}
}

// TestVerificationTime measures how long a verification takes on this machine.
func TestVerificationTime(t *testing.T) {
	files, list := trials(t, 0, 1<<20, 1)
	b := newBoard(t, client(t), files)
	for _, c := range list {
		words := strings.Fields(c.line)
		bits := map[string]string{"three files, every bit of them": "2048", "3072 bits": "3072", "4096 bits": "4096"}[c.why]
		if bits == "" || words[4] != "all" {
			continue
		}
		out, err := python(t, b.dir, 128, abs(t, "../tests/signatures.py"), "time", words[0], words[1])
		us, numErr := strconv.Atoi(strings.TrimSpace(out))
		if err != nil || numErr != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s bits: %.1f ms", bits, float64(us)/1000)
	}
}
