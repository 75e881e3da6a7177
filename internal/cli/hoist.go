package cli

import (
	"fmt"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// A UsageError reports a command line that makes no sense. Hints say what would.
type UsageError struct {
	Reason string
	Hints  []string
}

func (e *UsageError) Error() string { return e.Reason }

func usageError(hint, format string, args ...any) *UsageError {
	e := &UsageError{Reason: fmt.Sprintf(format, args...)}
	if hint != "" {
		e.Hints = []string{hint}
	}
	return e
}

// A line is a command line sorted out: urfave/cli stops looking for flags at the first argument and takes the rest for
// arguments, silently, and people put flags anywhere.
type line struct {
	command string
	flags   []string // "--name" or "--name=value"
	args    []string
	json    bool // whether --json was among the flags, even if something else is wrong
}

// argv is the command line as urfave/cli understands it.
func (l line) argv(name string) []string {
	argv := []string{name}
	if l.command != "" {
		argv = append(argv, l.command)
	}
	argv = append(argv, l.flags...)
	return append(append(argv, "--"), l.args...)
}

// A flagSpec is what must be known of a flag to sort a command line.
type flagSpec struct {
	name       string // the long one
	takesValue bool
}

// flagSpecs returns the flags of some lists by all of their names. A name means the same in every command.
func flagSpecs(lists ...[]ucli.Flag) map[string]flagSpec {
	specs := map[string]flagSpec{"help": {"help", false}, "h": {"help", false}}
	for _, flags := range lists {
		for _, f := range flags {
			_, isBool := f.(*ucli.BoolFlag)
			for _, name := range f.Names() {
				specs[name] = flagSpec{f.Names()[0], !isBool}
			}
		}
	}
	return specs
}

// parseLine sorts a command line out. After an error the command and json are still as far as they could be told.
func parseLine(app *ucli.App, args []string) (line, error) {
	lists := [][]ucli.Flag{app.Flags}
	for _, c := range app.Commands {
		lists = append(lists, c.Flags)
	}
	h := hoister{specs: flagSpecs(lists...)}
	h.sort(args)
	l := line{flags: h.flags, json: slices.Contains(h.flags, "--json")}
	if slices.Contains(h.flags, "--help") {
		return line{command: "help", args: h.args[:min(1, len(h.args))], json: l.json}, nil
	}
	if len(h.args) == 0 {
		return l, h.checkRoot(app)
	}
	command := app.Command(h.args[0])
	if command == nil {
		return l, unknownCommand(app.Commands, h.args[0])
	}
	l.command, l.args = command.Name, h.args[1:]
	return l, h.check(command)
}

// A hoister separates flags from arguments.
type hoister struct {
	specs   map[string]flagSpec
	flags   []string
	args    []string
	unknown string // the first flag that is none, as it was typed
	missing error  // the first flag without its value, if it came before that one
}

func (h *hoister) sort(args []string) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			h.args = append(h.args, args...)
			return
		case len(arg) > 1 && arg[0] == '-':
			args = h.flag(arg, args)
		default:
			h.args = append(h.args, arg)
		}
	}
}

// flag takes one flag, and its value from rest if it needs one, and returns what is left of rest.
func (h *hoister) flag(arg string, rest []string) []string {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	spec, ok := h.specs[name]
	switch {
	case !ok:
		if h.missing == nil && h.unknown == "" {
			h.unknown, _, _ = strings.Cut(arg, "=")
		}
	case hasValue:
		h.flags = append(h.flags, "--"+spec.name+"="+value)
	case !spec.takesValue:
		h.flags = append(h.flags, "--"+spec.name)
	case len(rest) == 0:
		h.miss(usageError("", "flag %s needs a value", arg))
	case len(rest[0]) > 1 && rest[0][0] == '-':
		// A value that looks like a flag is far more often a value that was forgotten.
		h.miss(usageError(fmt.Sprintf("if %q is the value: %s=%s", rest[0], arg, rest[0]),
			"flag %s needs a value, and %s follows", arg, rest[0]))
	default:
		h.flags = append(h.flags, "--"+spec.name+"="+rest[0])
		return rest[1:]
	}
	return rest
}

func (h *hoister) miss(err *UsageError) {
	if h.missing == nil && h.unknown == "" {
		h.missing = err
	}
}

// checkRoot checks a line without a command.
func (h *hoister) checkRoot(app *ucli.App) error {
	switch {
	case h.unknown != "":
		return unknownFlag(h.unknown, h.specs, "otactl help")
	case h.missing != nil:
		return h.missing
	case !slices.Contains(h.flags, "--version"):
		return usageError("otactl help shows the commands", "no command")
	}
	return h.checkOwn(flagSpecs(app.Flags), "otactl", "otactl help")
}

// check checks the flags of a line with a command.
func (h *hoister) check(command *ucli.Command) error {
	specs, help := flagSpecs(command.Flags), "otactl help "+command.Name
	if h.unknown != "" {
		return unknownFlag(h.unknown, specs, help)
	}
	if h.missing != nil {
		return h.missing
	}
	return h.checkOwn(specs, command.Name, help)
}

// checkOwn refuses flags that other commands have.
func (h *hoister) checkOwn(own map[string]flagSpec, whose, help string) error {
	for _, flag := range h.flags {
		if name := flagName(flag); own[name].name == "" {
			return usageError(help+" shows those that are", "%s is not a flag of %s", dashed(name), whose)
		}
	}
	return nil
}

func flagName(flag string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
	return name
}

func unknownFlag(typed string, specs map[string]flagSpec, help string) error {
	var names []string
	for name := range specs {
		names = append(names, dashed(name))
	}
	hint := help + " shows the flags"
	if best := closest(typed, names); best != "" {
		hint = "did you mean " + best + "?"
	}
	return usageError(hint, "unknown flag %s", typed)
}

func unknownCommand(commands []*ucli.Command, typed string) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	hint := "otactl help shows the commands"
	if best := closest(typed, names); best != "" {
		hint = "did you mean " + best + "?"
	}
	return usageError(hint, "unknown command %q", typed)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// closest returns the name that is at most two typing errors away from what was typed, or "".
func closest(typed string, names []string) string {
	slices.Sort(names)
	best, least := "", 3
	for _, name := range names {
		// A short word is two errors away from any other.
		if d := smetrics.WagnerFischer(typed, name, 1, 1, 1); d < least && d < len(name)-1 {
			best, least = name, d
		}
	}
	return best
}
