package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// testServers is the package that tests with servers import.
const testServers = "github.com/otactl/otactl/internal/testserver"

// whole are the packages that test the program as one thing, and one that is compared with a compiler ten thousand times.
var whole = []string{
	"github.com/otactl/otactl",
	"github.com/otactl/otactl/internal/model",
	"github.com/otactl/otactl/internal/model/bucket",
	"github.com/otactl/otactl/internal/proofs",
	"github.com/otactl/otactl/pysyntax",
}

// client is the package of the MicroPython client, and of those that prove what it promises; demo runs it too.
const (
	client = "github.com/otactl/otactl/device"
	power  = client + "/power"
	demo   = "github.com/otactl/otactl/scripts/demo"
)

func (g *gate) build() error {
	return errors.Join(
		run("go", "vet", "./..."),
		run("env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", os.DevNull, "./..."),
	)
}

// lint builds the linter, which takes two minutes, so only CI and those who ask for it by name do it.
func (g *gate) lint() error { return run("make", "--no-print-directory", "lint") }

func (g *gate) unit() error { return g.testKind("unit", "-race") }

func (g *gate) servers() error { return g.testKind("servers", "-race") }

func (g *gate) whole() error { return g.testKind("whole") }

func (g *gate) device() error { return g.testKind("device") }

// power may take twice its budget on a slow machine, which is longer than other tests may hang.
func (g *gate) power() error { return g.testKind("power", "-timeout", "15m") }

// test runs go test with these further arguments and counts the results. No result of an earlier run is taken: servers and
// programs that a test starts may have changed since. A test that hangs says where.
func (g *gate) test(args ...string) error {
	cmd := exec.Command("go", append([]string{"test", "-json", "-count=1", "-timeout", "8m"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := g.results.read(out, os.Stdout)
	return errors.Join(cmd.Wait(), readErr)
}

// testKind tests the packages of a kind.
func (g *gate) testKind(kind string, flags ...string) error {
	format := `{{.ImportPath}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}`
	out, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	args := flags
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if kindOf(words[0], words[1:]) == kind {
			args = append(args, words[0])
		}
	}
	if len(args) == len(flags) {
		return nil
	}
	return g.test(args...)
}

// kindOf says which part tests a package. The race detector has nothing to see in a program that is run as another
// process or in a model that has one goroutine, and takes ten times as long.
func kindOf(pkg string, testImports []string) string {
	switch {
	case slices.Contains(whole, pkg):
		return "whole"
	case pkg == power:
		return "power"
	case strings.HasPrefix(pkg, client), pkg == demo:
		return "device"
	case pkg == testServers || slices.Contains(testImports, testServers):
		return "servers"
	}
	return "unit"
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzz runs every fuzz target of the module for a while.
func (g *gate) fuzz() error {
	var errs []error
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range fuzzTarget.FindAllSubmatch(text, -1) {
			errs = append(errs, g.fuzzOne("./"+filepath.Dir(path), string(match[1])))
		}
		return err
	})
	return errors.Join(append(errs, err)...)
}

func (g *gate) fuzzOne(dir, target string) error {
	args := []string{"test", "-run", "^$", "-fuzz", "^" + target + "$", "-fuzztime", cmp.Or(g.fuzzTime, 2*time.Second).String(), dir}
	for attempt := 1; ; attempt++ {
		out, err := exec.Command("go", args...).CombinedOutput()
		if err == nil {
			lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
			fmt.Printf("%s %s: %s\n", dir, target, lines[max(0, len(lines)-3)])
			return nil
		}
		// When the time of a target is over, Go's fuzzing coordinator sometimes takes that for a failure: a race in it.
		if attempt < 3 && bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input")) {
			continue
		}
		_, _ = os.Stdout.Write(out)
		return fmt.Errorf("%s %s: %w", dir, target, err)
	}
}
