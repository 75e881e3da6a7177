package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// What a test can end in, as go test -json says it, from best to worst.
const (
	pass = "pass"
	skip = "skip"
	fail = "fail"
)

// results are what tests ended in, by package and name. A test that ran twice has the worst of its results.
type results map[string]string

// An event is a line of go test -json (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// read reads the output of go test -json. It shows what go test without -v would, and what skipped tests say.
func (r results) read(in io.Reader, out io.Writer) error {
	said := map[string]*strings.Builder{}
	for d := json.NewDecoder(bufio.NewReader(in)); ; {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		name := e.Package + "." + e.Test
		switch e.Action {
		case "build-output":
			_, _ = io.WriteString(out, e.Output)
		case "output":
			if e.Test == "" {
				showPackage(out, e.Output)
				continue
			}
			if said[name] == nil {
				said[name] = &strings.Builder{}
			}
			said[name].WriteString(e.Output)
		case pass, skip, fail:
			if e.Test != "" {
				r.add(name, e.Action)
			}
			if e.Action != pass && said[name] != nil {
				_, _ = io.WriteString(out, said[name].String())
			}
			delete(said, name)
		}
	}
}

// showPackage shows what a package says besides its tests.
func showPackage(out io.Writer, line string) {
	if line != "PASS\n" && !strings.HasSuffix(line, "[no test files]\n") {
		_, _ = fmt.Fprint(out, line)
	}
}

func (r results) add(name, result string) {
	worst := []string{pass, skip, fail}
	if slices.Index(worst, result) >= slices.Index(worst, r[name]) {
		r[name] = result
	}
}

// with returns the names of the tests that ended in this.
func (r results) with(result string) []string {
	var names []string
	for name, got := range r {
		if got == result {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r results) count() (passed, failed, skipped int) {
	return len(r.with(pass)), len(r.with(fail)), len(r.with(skip))
}
