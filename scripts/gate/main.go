// Gate runs the checks that a change has to pass, each within a time budget, and says in its last line how many tests
// passed. `make test` runs it; the names of parts as arguments run only those.
//
// With CI=true a skipped test is a failure, and so is a part that takes more than twice its budget: a slow machine is no
// reason to refuse a change, a test that has become slow is.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// A part is a step of the gate. The budgets are for 2 cores and empty caches, and are 23 minutes together,
// 13 without the client.
type part struct {
	name   string
	budget time.Duration
	onlyCI bool
	what   string
	run    func(*gate) error
}

var parts = []part{
	{"build", 60 * time.Second, false, "go vet, and a static binary", (*gate).build},
	{"unit", 60 * time.Second, false, "packages whose tests start no servers, with the race detector", (*gate).unit},
	{"servers", 180 * time.Second, false, "packages whose tests start servers, with the race detector", (*gate).servers},
	{"whole", 220 * time.Second, false, "the program as its users get it, and the model of its protocol", (*gate).whole},
	{"device", 300 * time.Second, false, "the client, on a real MicroPython", (*gate).device},
	{"power", 300 * time.Second, false, "the client, with the power cut at each operation of its flash", (*gate).power},
	{"fuzz", 70 * time.Second, false, "each parser, briefly", (*gate).fuzz},
	{"lint", 190 * time.Second, true, "golangci-lint", (*gate).lint},
}

// A gate knows what has happened so far.
type gate struct {
	ci       bool
	fuzzTime time.Duration
	results  results
}

func main() {
	g := &gate{ci: os.Getenv("CI") == "true", results: results{}}
	flag.DurationVar(&g.fuzzTime, "fuzztime", 0, "how long to fuzz each parser; the part then has no budget")
	flag.Parse()
	ok := true
	for _, p := range parts {
		if g.wants(p, flag.Args()) {
			ok = g.pass(p) && ok
		}
	}
	passed, failed, skipped := g.results.count()
	if g.ci && skipped > 0 {
		fmt.Printf("with CI=true a skipped test is a failure: %s\n", strings.Join(g.results.with(skip), ", "))
		ok = false
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if !ok || failed > 0 {
		os.Exit(1)
	}
}

// wants reports whether a part is to run when these were named.
func (g *gate) wants(p part, names []string) bool {
	if len(names) > 0 {
		return slices.Contains(names, p.name)
	}
	return g.ci || !p.onlyCI
}

// pass runs a part and reports whether it was good and in time.
func (g *gate) pass(p part) bool {
	if p.name == "fuzz" && g.fuzzTime > 0 {
		p.budget = 24 * time.Hour
	}
	fmt.Printf("== %s: %s (budget %v)\n", p.name, p.what, p.budget)
	start := time.Now()
	err := p.run(g)
	took := time.Since(start).Round(100 * time.Millisecond)
	verdict := "ok"
	if err != nil {
		verdict = "FAILED: " + err.Error()
	}
	fmt.Printf("== %s: %s, %v of %v\n", p.name, verdict, took, p.budget)
	if took > p.budget {
		fmt.Printf("over budget: %s took %v, its budget is %v\n", p.name, took, p.budget)
		return err == nil && (!g.ci || took < 2*p.budget)
	}
	return err == nil
}
