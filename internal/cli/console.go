package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"

	"golang.org/x/term"
)

// This file is the user interface. The rules are:
//
//   - Results go to standard output, one line each, and stay as they are: scripts read them.
//   - Everything else goes to standard error with the prefix "otactl:". An error states facts, a hint the next step.
//     No capital at the beginning, no full stop at the end.
//   - On a terminal there may be colour, and one live line that is gone before anything else is printed.
//   - What a server sent is printed quoted, and no control character reaches the terminal, whoever sent it.

// A console prints. It is safe for concurrent use.
type console struct {
	out, err io.Writer
	quiet    bool // no progress, no warnings
	verbose  bool
	json     bool // the results become one object at the end
	color    palette
	outColor palette
	mu       sync.Mutex
	live     *progress // nil while nothing takes long
	warnings []string  // for the object
	outErr   error     // the first one of writing results

	parent *console // prints for one target of several; nil if this one prints
	target string   // how that target is called
	doing  func() string
}

func newConsole(env Env) *console {
	return &console{out: env.Stdout, err: env.Stderr, color: newPalette(env, env.Stderr), outColor: newPalette(env, env.Stdout)}
}

// result prints one line of results.
func (c *console) result(line string) {
	if c.json {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live.erase()
	_, err := fmt.Fprintln(c.out, c.outColor.graded(printable(line)))
	c.outErr = cmp.Or(c.outErr, err)
}

// warn prints a warning, and keeps it for the object.
func (c *console) warn(text string) {
	c.note(text)
	c.warnLine(text)
}

// note keeps a warning for the object.
func (c *console) note(text string) {
	if c.parent != nil {
		c.parent.note(c.target + ": " + text)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, text)
}

// warnLine prints a warning.
func (c *console) warnLine(text string) {
	if !c.quiet {
		c.say(c.color.yellow("warning:"), text)
	}
}

// trace prints what only -v asks for.
func (c *console) trace(format string, args ...any) {
	if c.verbose {
		c.say("trace:", fmt.Sprintf(format, args...))
	}
}

// fail prints an error and its hints, if there is one.
func (c *console) fail(e *explained) {
	for i, message := range e.errors {
		c.say(c.color.red("error:"), message)
		if excerpt := e.excerpts[i]; excerpt != "" {
			c.raw(excerpt)
		}
	}
	for _, hint := range e.hints {
		c.say(c.color.cyan("hint:"), hint)
	}
}

// say prints one line to standard error.
func (c *console) say(kind, text string) {
	if c.parent != nil {
		c.parent.say(kind, c.target+": "+text)
		return
	}
	c.raw("otactl: " + kind + " " + text)
}

func (c *console) raw(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live.erase()
	fmt.Fprintln(c.err, c.color.keep(text))
}

func (c *console) close() { c.progress(nil) }

// An envelope is the object that --json prints (docs/schema/output.json).
type envelope struct {
	Command  string   `json:"command"`
	OK       bool     `json:"ok"`
	Exit     int      `json:"exit"`
	Error    string   `json:"error,omitempty"`
	Hints    []string `json:"hints,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Result   outcome  `json:"result,omitempty"`
}

func (c *console) object(command string, e *explained, result outcome) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(envelope{
		Command: command, OK: e.code == 0, Exit: e.code, Error: strings.Join(e.errors, "\n"), Hints: e.hints,
		Warnings: c.warnings, Result: result,
	})
	if err == nil {
		_, err = io.WriteString(c.out, escaped(b.String()))
	}
	c.outErr = err
}

// escaped writes as \u what JSON leaves as it is and a terminal could take for a command.
func escaped(object string) string {
	var b strings.Builder
	for _, r := range object {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// A palette colours, or does not.
type palette bool

func newPalette(env Env, w io.Writer) palette {
	noColor, _ := env.LookupEnv("NO_COLOR") // https://no-color.org: present and not empty
	kind, _ := env.LookupEnv("TERM")
	return palette(isTerminal(w) && noColor == "" && kind != "dumb")
}

func (p palette) green(s string) string  { return p.paint("32", s) }
func (p palette) red(s string) string    { return p.paint("31;1", s) }
func (p palette) yellow(s string) string { return p.paint("33;1", s) }
func (p palette) cyan(s string) string   { return p.paint("36", s) }

// graded paints the word that a line of otactl doctor begins with.
func (p palette) graded(line string) string {
	for word, paint := range map[string]func(string) string{"ok  ": p.green, "warn": p.yellow, "fail": p.red} {
		if rest, found := strings.CutPrefix(line, word+"  "); found {
			return paint(word) + "  " + rest
		}
	}
	return line
}

func (p palette) paint(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// keep is printable, except that it keeps the palette's own colours in front of the text.
func (p palette) keep(s string) string {
	if head, text, ok := strings.Cut(s, "\x1b[0m "); bool(p) && ok {
		return head + "\x1b[0m " + printable(text)
	}
	return printable(s)
}

// printable replaces what a terminal could take for a command.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is the number of columns of a terminal.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}
