package proofs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A vector is a line of testdata/vectors/*.jsonl, which the tests of package layout read too (README.md there).
type vector struct {
	OK     bool     `json:"ok"`
	Text   string   `json:"text"`
	Names  []string `json:"names"`
	Base64 any      `json:"base64"`
	Parts  [][2]any `json:"parts"`
	Why    string   `json:"why"`
}

// input returns the bytes of a vector.
func (v vector) input(t testing.TB) []byte {
	t.Helper()
	if text, ok := v.Base64.(string); ok {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if v.Parts == nil {
		return []byte(v.Text)
	}
	var b strings.Builder
	for _, part := range v.Parts {
		for k := range int(part[1].(float64)) {
			b.WriteString(strings.ReplaceAll(part[0].(string), "#", fmt.Sprintf("%06d", k)))
		}
	}
	return []byte(b.String())
}

// names returns the input of a vector of names.jsonl.
func (v vector) names(t testing.TB) (names [][]byte) {
	t.Helper()
	if list, ok := v.Base64.([]any); ok {
		for _, each := range list {
			names = append(names, vector{Base64: each}.input(t))
		}
		return names
	}
	for _, name := range v.Names {
		names = append(names, []byte(name))
	}
	return names
}

func readVectors(t testing.TB, file string) (vectors []vector) {
	t.Helper()
	data := read(t, filepath.Join("..", "..", "testdata", "vectors", file))
	for line := range strings.Lines(string(data)) {
		var v vector
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v in %s", file, err, line)
		}
		vectors = append(vectors, v)
	}
	if len(vectors) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return vectors
}

// TestVectors lets the client's own functions judge every vector, in a small heap.
func TestVectors(t *testing.T) {
	inputs, list := vectorFiles(t)
	out, err := python(t, newBoard(t, client(t), inputs).dir, 48, abs(t, "../tests/vectors.py"))
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(out))
	}
	checkVectors(t, list, out)
}

// vectorFiles returns the inputs as files for tests/vectors.py, and the vectors by their lines in its list.
func vectorFiles(t testing.TB) (inputs tree, list map[string]vector) {
	t.Helper()
	inputs, list = tree{}, map[string]vector{}
	for _, kind := range []string{"tag", "project", "manifest", "name"} {
		for k, v := range readVectors(t, kind+"s.jsonl") {
			name, as, text := fmt.Sprint(kind, k), kind, v.input(t)
			if kind == "name" {
				as, text = "manifest", manifestOf(v.names(t))
			}
			inputs[name] = string(text)
			list[name+" "+as+"\n"] = v
		}
	}
	inputs["list"] = strings.Join(slices.Sorted(maps.Keys(list)), "")
	return inputs, list
}

// manifestOf returns a manifest that is right if these names are.
func manifestOf(names [][]byte) []byte {
	slices.SortFunc(names, bytes.Compare)
	var b bytes.Buffer
	b.WriteString("otactl 1\nproject sample\nversion v1.0.1\n")
	for _, name := range names {
		fmt.Fprintf(&b, "file %x 0 %s\n", sha256.Sum256(nil), name)
	}
	return b.Bytes()
}

// checkVectors compares what tests/vectors.py has printed with the verdicts that stand in the vectors.
func checkVectors(t testing.TB, list map[string]vector, out string) {
	t.Helper()
	verdicts := map[string]string{}
	for line := range strings.Lines(out) {
		name, verdict, _ := strings.Cut(strings.TrimSpace(line), " ")
		verdicts[name] = verdict
	}
	for line, v := range list {
		name, _, _ := strings.Cut(line, " ")
		want := "False"
		if v.OK {
			want = "True"
		}
		if got := verdicts[name]; got != want {
			t.Errorf("%s, %s: %.100q%.100q: ok is %q, should be %s", name, v.Why, v.Text, v.Names, got, want)
		}
	}
}
