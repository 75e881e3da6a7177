// Package proofdoc keeps the tables of docs/DEVICE-PROOFS.md. A test measures and hands over a table; with the flag
// -write-proofs it is written there, between "<!-- title -->" and "<!-- end -->", and without it is compared with what stands there.
//
//	go test ./device/proofs -write-proofs
package proofdoc

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var write = flag.Bool("write-proofs", false, "write what was measured to docs/DEVICE-PROOFS.md")

const doc = "docs/DEVICE-PROOFS.md"

// A Table is what a test has measured.
type Table struct {
	Title   string
	Columns []string
	Rows    [][]string
	// Loose names the columns whose figures differ from one machine to the next. They are written and not compared: that they are
	// within their bounds is for the test to check.
	Loose []string
}

// Keep writes the table, or fails the test if another one is written. It does nothing if the test has failed already.
func (a Table) Keep(t testing.TB) {
	t.Helper()
	if t.Failed() {
		return
	}
	t.Logf("%s\n%s", a.Title, a)
	if err := a.keep(*write); err != nil {
		t.Error(err)
	}
}

// String returns the table as it is written.
func (a Table) String() string {
	var b strings.Builder
	for i, row := range slices.Insert(slices.Clone(a.Rows), 0, a.Columns) {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}

func (a Table) keep(write bool) (err error) {
	path, err := find()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// Tests of several packages run at the same time.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", doc, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, kept, tail, err := cut(string(text), a.Title)
	if err != nil {
		return err
	}
	if write {
		if err := f.Truncate(0); err != nil {
			return err
		}
		_, err := f.WriteAt([]byte(head+a.String()+tail), 0)
		return err
	}
	if !slices.EqualFunc(a.firm(a.String()), a.firm(kept), slices.Equal) {
		return fmt.Errorf("%s, %s: not what was measured: go test -write-proofs\n%s", doc, a.Title, a)
	}
	return nil
}

// cut divides a text where a table stands.
func cut(text, title string) (head, kept, tail string, err error) {
	const end = "<!-- end -->\n"
	mark := "<!-- " + title + " -->\n"
	head, rest, ok := strings.Cut(text, mark)
	kept, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 || strings.Contains(kept, "<!--") {
		return "", "", "", fmt.Errorf("%s has no table %q", doc, title)
	}
	return head + mark, kept, end + tail, nil
}

// firm returns the cells of a table without those of loose columns.
func (a Table) firm(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if len(rows) > 0 && i < len(a.Columns) && slices.Contains(a.Loose, a.Columns[i]) {
				cells[i] = ""
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

// find returns the path of the document, above the folder of the test.
func find() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		path := filepath.Join(dir, doc)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no %s above here", doc)
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
