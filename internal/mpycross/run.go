package mpycross

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// A result is what is left of a run that ended.
type result struct {
	code           int // -1 after a signal
	state          string
	stdout, stderr string
}

// said quotes the first line that was printed.
func (r result) said() string {
	line, _, _ := strings.Cut(strings.TrimSpace(r.stderr+"\n"+r.stdout), "\n")
	if len(line) > 100 {
		line = line[:100]
	}
	if line == "" {
		return r.state + ", and it says nothing"
	}
	return fmt.Sprintf("%s, and it says %q", r.state, line)
}

// run runs the compiler to its end, or to that of its time.
func (c *Compiler) run(ctx context.Context, dir string, args ...string) (result, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var stdout, stderr head
	cmd := exec.CommandContext(limited, c.Path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, c.env, &stdout, &stderr
	cmd.WaitDelay = time.Second // for what it has started and what holds its output open
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return result{}, ctx.Err()
	case limited.Err() != nil:
		return result{}, &BrokenError{c.Path, fmt.Sprintf("does not end within %v", c.timeout), true}
	case errors.Is(err, exec.ErrWaitDelay): // it has ended; somebody else holds its output
		err = nil
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return result{}, c.broken("cannot be run: %v", rootCause(err))
	}
	return result{cmd.ProcessState.ExitCode(), cmd.ProcessState.String(), stdout.String(), stderr.String()}, nil
}

// rootCause leaves out the path, which is said already.
func rootCause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// A head keeps the beginning of what is written to it. It has no ReadFrom, which would read everything.
type head struct{ buf bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	h.buf.Write(p[:min(len(p), maxPrint-h.buf.Len())])
	return len(p), nil
}

func (h *head) String() string { return h.buf.String() }
