package layout_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// A vector is one line of testdata/vectors/*.jsonl, which the tests of the device client read too (README.md there).
type vector struct {
	OK     bool     `json:"ok"`
	Text   string   `json:"text"`
	Names  []string `json:"names"`
	Base64 any      `json:"base64"`
	Parts  [][2]any `json:"parts"`
	Why    string   `json:"why"`

	Path, Tag, Kind, Name string
}

func (v vector) input(t testing.TB) []byte {
	t.Helper()
	switch {
	case v.Base64 != nil:
		return fromBase64(t, v.Base64)
	case v.Parts != nil:
		return assemble(v.Parts)
	}
	return []byte(v.Text)
}

func (v vector) names(t testing.TB) []string {
	t.Helper()
	list, ok := v.Base64.([]any)
	if !ok {
		return v.Names
	}
	var names []string
	for _, each := range list {
		names = append(names, string(fromBase64(t, each)))
	}
	return names
}

func fromBase64(t testing.TB, text any) (data []byte) {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(quoted, &data) // a []byte is base64 in JSON
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func assemble(parts [][2]any) []byte {
	var b bytes.Buffer
	for _, part := range parts {
		for k := range int(part[1].(float64)) {
			b.WriteString(strings.ReplaceAll(part[0].(string), "#", fmt.Sprintf("%06d", k)))
		}
	}
	return b.Bytes()
}

func readVectors(t testing.TB, file string) (vectors []vector) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var v vector
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v in %s", file, err, line)
		}
		vectors = append(vectors, v)
	}
	if len(vectors) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return vectors
}

// checkVerdicts compares the verdict on each vector of a file with the one that stands there.
func checkVerdicts(t *testing.T, file string, verdict func(vector) error) {
	t.Helper()
	for _, v := range readVectors(t, file) {
		if err := verdict(v); (err == nil) != v.OK {
			t.Errorf("%s: %s (%.80q%.80q): ok should be %v: %v", file, v.Why, v.Text, v.Names, v.OK, err)
		}
	}
}

func TestTagVectors(t *testing.T) {
	checkVerdicts(t, "tags.jsonl", func(v vector) error {
		text := string(v.input(t))
		tag, err := layout.ParseTag(text)
		if err == nil && tag.String() != text {
			return fmt.Errorf("text became %q", tag)
		}
		return err
	})
}

func TestProjectVectors(t *testing.T) {
	checkVerdicts(t, "projects.jsonl", func(v vector) error {
		_, err := layout.ParseProject(string(v.input(t)))
		return err
	})
}

func TestNameVectors(t *testing.T) {
	checkVerdicts(t, "names.jsonl", func(v vector) error { return layout.CheckNames(v.names(t)) })
}

func TestManifestVectors(t *testing.T) {
	checkVerdicts(t, "manifests.jsonl", func(v vector) error {
		data := v.input(t)
		m, err := layout.ParseManifest(data)
		if err == nil && !bytes.Equal(m.Bytes(), data) {
			return fmt.Errorf("the bytes became %.200q", m.Bytes())
		}
		return err
	})
}

func TestPlaceVectors(t *testing.T) {
	for _, v := range readVectors(t, "places.jsonl") {
		place, ok := layout.ParsePlace(v.Path)
		if ok != (v.Tag != "") {
			t.Errorf("%q: ok is %v, should be %v", v.Path, ok, !ok)
			continue
		}
		kind := string(place.Kind)
		if ok && place.IsManifest() {
			kind = "manifest"
		}
		if place.Tag.String() != v.Tag || kind != v.Kind || place.Name != v.Name {
			t.Errorf("%q: tag %q kind %q name %q, should be %q %q %q", v.Path, place.Tag, kind, place.Name, v.Tag, v.Kind, v.Name)
		}
	}
}

func TestTagOrder(t *testing.T) {
	f, err := os.Open("../testdata/vectors/order.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // only read
	var tags []layout.Tag
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		tags = append(tags, mustTag(t, scanner.Text()))
	}
	for i, a := range tags {
		for j, b := range tags {
			want := min(1, max(-1, i-j))
			if a.Compare(b) != want || a.Other().Compare(b) != want {
				t.Errorf("%s compared with %s: %d, should be %d", a, b, a.Compare(b), want)
			}
		}
	}
}

func mustTag(t testing.TB, text string) layout.Tag {
	t.Helper()
	tag, err := layout.ParseTag(text)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}
