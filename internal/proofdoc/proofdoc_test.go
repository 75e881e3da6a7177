package proofdoc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const page = "# Proofs\n\n<!-- Peaks -->\n<!-- end -->\n\nMore.\n\n<!-- Sizes -->\n| part | bytes |\n|---|---|\n| boot | 7 |\n<!-- end -->\n"

var peaks = Table{
	Title: "Peaks", Columns: []string{"update", "bytes", "bad"}, Rows: [][]string{{"1 KB", "18000", "0"}, {"512 KB", "18016", "0"}}, Loose: []string{"bytes"},
}

// What was written is what is measured, also if a loose figure is another one; other rows, columns and firm figures are not.
func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), doc)
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(filepath.Dir(path), "deep"))
	if peaks.keep(false) == nil {
		t.Error("an empty table is that of what was measured")
	}
	if err := peaks.keep(true); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	want := strings.Replace(page, "<!-- Peaks -->\n", "<!-- Peaks -->\n"+peaks.String(), 1)
	if err != nil || string(text) != want {
		t.Errorf("wrote %q, %v", text, err)
	}
	for _, c := range []struct {
		rows [][]string
		same bool
	}{
		{peaks.Rows, true},
		{[][]string{{"1 KB", "17000", "0"}, {"512 KB", "", "0"}}, true},
		{[][]string{{"1 KB", "18000", "1"}, {"512 KB", "18016", "0"}}, false},
		{[][]string{{"1 KB", "18000", "0"}}, false},
	} {
		other := peaks
		other.Rows = c.rows
		if err := other.keep(false); (err == nil) != c.same {
			t.Errorf("%v: %v", c.rows, err)
		}
	}
	if (Table{Title: "Size"}).keep(true) == nil {
		t.Error("wrote a table that has no place")
	}
}
