package layout_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/otactl/otactl/layout"
)

// examples returns the fenced blocks of docs/FORMAT.md that start with a text.
func examples(t *testing.T, start string) (blocks []string) {
	t.Helper()
	data, err := os.ReadFile("../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(data), "\n```") {
		_, block, _ := strings.Cut(part, "\n") // the rest of the line is the language
		if i%2 == 1 && strings.HasPrefix(block, start) {
			blocks = append(blocks, block+"\n")
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("no block of docs/FORMAT.md starts with %q", start)
	}
	return blocks
}

func TestDocumentedManifest(t *testing.T) {
	data := []byte(examples(t, "otactl 1\n")[0])
	m, err := layout.ParseManifest(data)
	if err != nil || !bytes.Equal(m.Bytes(), data) {
		t.Errorf("%v in\n%s", err, data)
	}
}

func TestDocumentedEntries(t *testing.T) {
	live := ""
	for i, line := range strings.SplitAfter(strings.TrimSuffix(examples(t, `{"time"`)[0], "\n"), "\n") {
		line = strings.TrimSuffix(line, "\n") + "\n"
		e, err := layout.ParseEntry([]byte(line))
		if err != nil || string(e.Bytes()) != line {
			t.Errorf("%v in\n%sis written as\n%s", err, line, e.Bytes())
		}
		if e.From != live || (e.Action == layout.Adopt) != (i == 0) {
			t.Errorf("entry %d does not follow the one before it: %s", i+1, line)
		}
		live = e.To
	}
}
