//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// goBenchmarks runs those of all packages, and returns their figures. What they find wrong is an error.
func goBenchmarks(ctx context.Context, out io.Writer) ([]Figure, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-p", "1", "-run", "^$", "-bench", ".", "-benchtime", "1x", "-timeout", "5m", "./...")
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, out
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("go test -bench: %w: %s", err, complaints(text.String()))
	}
	figures, parseErr := parseGo(text.String())
	return figures, errors.Join(err, parseErr)
}

// complaints are the lines in which a test says what is wrong.
func complaints(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "panic:") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "; ")
}

// parseGo reads lines of the Go benchmark data format: name, number of iterations, then pairs of a value and a unit.
func parseGo(text string) (figures []Figure, err error) {
	pkg := ""
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = strings.TrimPrefix(strings.TrimSpace(path), "github.com/otactl/otactl/")
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") || len(fields)%2 != 0 {
			continue
		}
		f := Figure{Package: pkg, Name: strings.TrimPrefix(fields[0], "Benchmark"), Metrics: map[string]float64{}}
		if i := strings.LastIndex(f.Name, "-"); i > 0 { // the number of processors, if it is not 1
			if _, err := strconv.Atoi(f.Name[i+1:]); err == nil {
				f.Name = f.Name[:i]
			}
		}
		for i := 2; i < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("go benchmark: %q: %w", strings.TrimSpace(line), err)
			}
			f.Metrics[fields[i+1]] = value
		}
		figures = append(figures, f)
	}
	return figures, nil
}
