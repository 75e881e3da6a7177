package targets

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// A FailedError says on which target something went wrong.
type FailedError struct {
	Target string
	Err    error
}

func (e *FailedError) Error() string {
	lines := strings.Split(e.Err.Error(), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, e.Target+": ") { // some name it themselves
			lines[i] = e.Target + ": " + line
		}
	}
	return strings.Join(lines, "\n")
}

func (e *FailedError) Unwrap() error { return e.Err }

// A DisagreeError says that a change would make different releases live on two targets.
type DisagreeError struct {
	Tags    []string // of each; the same one if it is there with different content
	Targets []string
}

func (e *DisagreeError) Error() string {
	if e.Tags[0] == e.Tags[1] {
		return fmt.Sprintf("release %s on %s and on %s differ", e.Tags[0], e.Targets[0], e.Targets[1])
	}
	return fmt.Sprintf("the release would be %s on %s and %s on %s", e.Tags[0], e.Targets[0], e.Tags[1], e.Targets[1])
}

// A PartialError says that a change is done on some targets and not on others. It does not wrap what went wrong, because that
// is no reason to believe that nothing was changed.
type PartialError struct{ Outcomes []Outcome }

func (e *PartialError) Error() string {
	var lines []string
	for _, o := range e.Outcomes {
		switch {
		case errors.Is(o.Err, context.Canceled):
			lines = append(lines, o.Target+": interrupted")
		case o.Err != nil:
			lines = append(lines, (&FailedError{o.Target, o.Err}).Error())
		}
	}
	head := fmt.Sprintf("done on %d of %d targets", len(e.Outcomes)-len(lines), len(e.Outcomes))
	return strings.Join(append([]string{head}, lines...), "\n")
}
