// Package cli is the command line of otactl: the only package that prints, and the only one that knows a flag library.
//
// [Main] takes all that it needs from the process as an [Env] and returns an exit code, so that nothing below it reaches
// for os.Args, os.Stdout or the environment. The way of a call:
//
//	hoist.go     flags before, between and after the arguments are sorted out
//	app.go       the commands, as an urfave/cli app
//	settings.go  flags beat OTACTL_ variables beat otactl.toml (config.go)
//	target.go    --to becomes a store
//	several.go   several targets become a call for each; change.go and all.go are what commands do with them
//	publish.go…  one function for each command: settings in, outcome out; the work is done by the verbs
//	explain.go   error -> exit code and hints
//	console.go   results to stdout, everything else to stderr; json.go: one object instead of the results
package cli

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/otactl/otactl/internal/judge"
)

// An Env is what otactl sees of the process that it runs in.
type Env struct {
	Args      []string // without the name of the program
	LookupEnv func(name string) (string, bool)
	Environ   []string                // for programs that are started
	Unsetenv  func(name string) error // takes a secret out of the environment once it was read
	Stdout    io.Writer
	Stderr    io.Writer
	Dir       string // the current folder, absolute
	User      string // for the change log: user@host
	Host      string
	Version   string
	Now       func() time.Time
	// OpenTerminal opens the terminal of the user, for questions. It fails where there is none.
	OpenTerminal func() (*os.File, error)
}

// Main runs one command line and returns the exit code of the process.
func Main(ctx context.Context, env Env) int {
	r := &runner{env: env, ui: newConsole(env), secrets: takeSecrets(env)}
	defer r.ui.close()
	err := r.run(ctx)
	return r.finish(ctx, err)
}

// A runner is one call of otactl.
type runner struct {
	env     Env
	ui      *console
	secrets secrets
	command string
	dry     bool         // nothing is to be changed
	outcome outcome      // nil if there is nothing to say
	sent    atomic.Int64 // bytes that were written to the target
}

func (r *runner) run(ctx context.Context) error {
	app := r.app()
	line, err := parseLine(app, r.env.Args)
	r.command = line.command
	r.ui.json = line.json || isOn(r.env, "OTACTL_JSON")
	if isPrivateKey(strings.Join(r.env.Args, " ")) { // in place of an error that would print it
		return usageError(keyHint, "the text of a private key is among the arguments, where other users of this machine can see it")
	}
	if err != nil {
		return err
	}
	return app.RunContext(ctx, line.argv(app.Name))
}

// finish prints what is left to say, and returns the exit code.
func (r *runner) finish(ctx context.Context, err error) int {
	exit := explain(r.command, err)
	if isInterrupt(ctx, err) {
		exit = interrupted(r.command, r.dry)
	}
	if r.outcome != nil && !r.ui.json {
		for _, line := range r.outcome.lines() {
			r.ui.result(line)
		}
	}
	r.ui.fail(exit)
	if r.ui.json {
		r.ui.object(r.command, exit, r.outcome)
	}
	if r.ui.outErr != nil && exit.code == exitDone {
		exit = unprinted(r.command, r.dry, r.ui.outErr)
		r.ui.fail(exit)
	}
	return exit.code
}

// An outcome is what a command has found or done. It marshals to the JSON object that docs/schema describes.
type outcome interface {
	// lines are the same for people and simple scripts: one line per result.
	lines() []string
}

// action makes a function of this package a command of the app.
func (r *runner) action(run func(context.Context, *call) (outcome, error)) ucli.ActionFunc {
	return func(c *ucli.Context) error {
		s, err := newSettings(r.env, c)
		if err != nil && c.Command.Name != doctorName { // which says so among other things
			return err
		}
		r.ui.quiet, r.ui.verbose, r.ui.json, r.dry = s.quiet, s.verbose, s.json, s.dryRun
		r.outcome, err = run(c.Context, &call{runner: r, settings: s, settingsErr: err, args: c.Args().Slice()})
		return err
	}
}

// A call is what a command gets: its settings, its arguments and the runner's console.
type call struct {
	*runner
	settings
	settingsErr error // why some settings are missing; nil but for doctor
	args        []string
	syntax      *judge.Judge                                                         // of the files that were collected; nil if nobody judges them
	dialled     func(ctx context.Context, network, address string) (net.Conn, error) // takes what dialAhead has begun; may be nil
}
