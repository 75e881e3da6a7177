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
	"strings"
	"time"
)

// testServers is the package that tests with servers import.
const testServers = "github.com/otactl/otactl/internal/testserver"

func (g *gate) build() error {
	return errors.Join(
		run("go", "vet", "./..."),
		run("env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", os.DevNull, "./..."),
	)
}

// lint builds the linter, which takes two minutes, so only CI and those who ask for it by name do it.
func (g *gate) lint() error { return run("make", "--no-print-directory", "lint") }

func (g *gate) unit() error {
	without, _, err := packages()
	if err != nil {
		return err
	}
	return g.test(without...)
}

func (g *gate) servers() error {
	_, with, err := packages()
	if err != nil {
		return err
	}
	return g.test(with...)
}

func (g *gate) race() error { return g.test("-race", "-short", "./...") }

// test runs go test with these further arguments and counts the results. The time limit makes a test that hangs say where.
func (g *gate) test(args ...string) error {
	if len(args) == 0 {
		return nil
	}
	args = append([]string{"test", "-json", "-timeout", g.budget.String()}, args...)
	cmd := exec.Command("go", args...)
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

// packages returns the packages whose tests start no servers, and those whose tests do.
func packages() (without, with []string, err error) {
	format := `{{.ImportPath}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}`
	out, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if words[0] == testServers || strings.Contains(line, " "+testServers) {
			with = append(with, words[0])
		} else {
			without = append(without, words[0])
		}
	}
	return without, with, nil
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
