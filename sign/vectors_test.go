package sign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// A vector is a line of testdata/vectors/signatures.jsonl (README.md there), which the tests of the device client read too.
type vector struct {
	OK      bool     `json:"ok"`
	Why     string   `json:"why"`
	Keys    []string `json:"keys"` // names of keys in signers.json
	Project string   `json:"project"`
	Tag     string   `json:"tag"`
	Text    string   `json:"text,omitempty"`
	Base64  []byte   `json:"base64,omitempty"`
	Each    string   `json:"each,omitempty"`
}

func (v vector) input() []byte {
	if v.Base64 != nil {
		return v.Base64
	}
	return []byte(v.Text)
}

const (
	vectorsFile = "../testdata/vectors/signatures.jsonl"
	signersFile = "../testdata/vectors/signers.json"
)

// accepted is the verdict of this side: what a device does too, which was asked to install a tag of a project.
func accepted(data []byte, v vector, signers map[string]string) bool {
	var keys []PublicKey
	for _, name := range v.Keys {
		some, err := ParsePublicKeys(signers[name])
		if err == nil {
			keys = append(keys, some...)
		}
	}
	m, err := layout.ParseManifest(data)
	return err == nil && Verify(data, keys) == nil && string(m.Project) == v.Project && m.Tag.String() == v.Tag
}

func TestVectors(t *testing.T) {
	signers := map[string]string{}
	must[any](t)(nil, json.Unmarshal(must[[]byte](t)(os.ReadFile(signersFile)), &signers))
	n := 0
	for line := range bytes.Lines(must[[]byte](t)(os.ReadFile(vectorsFile))) {
		var v vector
		must[any](t)(nil, json.Unmarshal(line, &v))
		n++
		if got := accepted(v.input(), v, signers); got != v.OK {
			t.Errorf("%s: ok is %v, should be %v\n%s", v.Why, got, v.OK, v.input())
		}
		if v.Each != "" {
			checkEach(t, v, signers)
		}
	}
	if n < 100 {
		t.Errorf("only %d vectors", n)
	}
}

// checkEach refuses every variant of a vector but those that change only the hint in a signature line.
func checkEach(t *testing.T, v vector, signers map[string]string) {
	t.Helper()
	input := string(v.input())
	at := strings.Index(input, "signature rsa-sha256 ") + len("signature rsa-sha256 ")
	hinted := input[:at] + "################" + input[at+16:]
	for i, data := range variants(v) {
		hint := len(data) == len(input) && string(data[:at])+"################"+string(data[at+16:]) == hinted
		if accepted(data, v, signers) && !hint {
			t.Errorf("%s: %s %d is accepted:\n%s", v.Why, v.Each, i, data)
		}
	}
}

// variants returns the inputs that `each` stands for: every bit flipped, or cut after each byte.
func variants(v vector) (all [][]byte) {
	input := v.input()
	switch v.Each {
	case "bit":
		for i := range 8 * len(input) {
			data := bytes.Clone(input)
			data[i/8] ^= 1 << (i % 8)
			all = append(all, data)
		}
	case "cut":
		for n := range input {
			all = append(all, input[:n])
		}
	default:
		panic(fmt.Sprintf("each %q", v.Each))
	}
	return all
}
