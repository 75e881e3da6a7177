package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/targets"
)

// Exit codes (README, Exit codes).
const (
	exitDone        = 0   // done, or already so
	exitUnexpected  = 1   //
	exitUsage       = 2   // wrong command line, configuration or key file
	exitSource      = 3   // the source was refused; nothing was sent
	exitProtected   = 4   // refused to protect devices or a published release
	exitUnreachable = 5   // unreachable, or the connection was lost: may be retried
	exitDifferent   = 6   // what is on the target, or what devices would get, is not what it should be
	exitRefused     = 7   // the target refused: do not retry
	exitInterrupted = 130 // interrupted; version is untouched
)

// explained is what is said of an error.
type explained struct {
	code     int
	errors   []string
	hints    []string
	excerpts map[int]string // drawn below the error of this index
}

// Advice is an exit code and hints for one type of error.
type advice struct {
	code    int
	hints   []string
	excerpt string
}

func advise(code int, hints ...string) *advice { return &advice{code: code, hints: hints} }

// explain gives an error its exit code and the next step. Of several errors the first one decides the code.
func explain(command string, err error) *explained {
	e := &explained{excerpts: map[int]string{}}
	for _, one := range flatten(err) {
		a := adviseOn(command, one)
		e.errors = append(e.errors, strings.Split(one.Error(), "\n")...)
		if e.code == exitDone {
			e.code = a.code
		}
		if a.excerpt != "" {
			e.excerpts[len(e.errors)-1] = a.excerpt
		}
		for _, hint := range a.hints {
			if hint != "" && !slices.Contains(e.hints, hint) {
				e.hints = append(e.hints, hint)
			}
		}
	}
	if _, ok := errors.AsType[*targets.FailedError](err); ok && slices.Contains(changes, command) {
		e.hints = append(e.hints, "version was not changed on any target")
	}
	if e.code == exitSource && command == "publish" {
		e.hints = append(e.hints, "nothing was sent to the server")
	}
	return e
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	// Only an error that is itself a list: what wraps a list has more to say.
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range list.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

// adviseOn asks each part of the program about its errors.
func adviseOn(command string, err error) *advice {
	for _, about := range []func(string, error) *advice{onSeveral, onUsage, onWeb, onKeys, onSource, onVerify, onDoctor, onRelease, onTarget} {
		if a := about(command, err); a != nil {
			return a
		}
	}
	return advise(exitUnexpected)
}

// changes are the commands that change version.
var changes = []string{"publish", "rollback", "activate"}

// writes are the commands that change what devices see.
var writes = []string{"publish", "rollback", "activate", "prune"}

// interrupted reports a run that was stopped from outside before it had changed the pointer.
func interrupted(command string, dryRun bool) *explained {
	e := &explained{code: exitInterrupted, errors: []string{"interrupted"}}
	if slices.Contains(writes, command) && !dryRun {
		e.errors = []string{"interrupted: version was not changed"}
		e.hints = []string{fmt.Sprintf("the same %s again completes what was begun", command)}
	}
	return e
}

// unprinted reports a run whose result could not be written.
func unprinted(command string, dryRun bool, err error) *explained {
	e := &explained{code: exitUnexpected, errors: []string{"standard output: " + err.Error()}}
	if slices.Contains(writes, command) && !dryRun {
		e.hints = []string{fmt.Sprintf("the %s itself is done; only its result could not be written", command)}
	}
	return e
}

// isInterrupt reports whether an error comes of the end of the context, and the pointer was surely not changed.
func isInterrupt(ctx context.Context, err error) bool {
	if _, unknown := errors.AsType[*store.UnknownError](err); unknown || ctx.Err() == nil {
		return false
	}
	_, cut := errors.AsType[*store.ConnError](err)
	return cut || errors.Is(err, context.Canceled)
}
