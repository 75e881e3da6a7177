package main

import (
	"slices"
	"strings"
	"testing"
)

const output = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"secret of a test that passed\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"no sshd here\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p"}
`

func TestResults(t *testing.T) {
	r := results{}
	var shown strings.Builder
	if err := r.read(strings.NewReader(output), &shown); err != nil {
		t.Fatal(err)
	}
	if got, want := shown.String(), "no sshd here\ngot 1, want 2\nFAIL\n"; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	if got := r.with(skip); !slices.Equal(got, []string{"p.TestB"}) {
		t.Errorf("skipped %q", got)
	}
	for _, again := range []string{pass, skip} {
		r.add("p.TestC", again)
		r.add("p.TestB", again)
	}
	if passed, failed, skipped := r.count(); passed != 1 || failed != 1 || skipped != 1 {
		t.Errorf("%d passed, %d failed, %d skipped", passed, failed, skipped)
	}
}

// A test binary that dies in the middle of a line leaves something that is not JSON.
func TestResultsCutShort(t *testing.T) {
	if err := (results{}).read(strings.NewReader(output[:len(output)-9]), &strings.Builder{}); err == nil {
		t.Error("no error")
	}
}
