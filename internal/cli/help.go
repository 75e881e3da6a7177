package cli

import (
	"context"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

func flagBool(name, usage string, aliases ...string) ucli.Flag {
	return &ucli.BoolFlag{Name: name, Aliases: aliases, Usage: usage}
}

// flagText makes a flag with a value. What the value stands for is checked in settings.go, wherever it came from.
func flagText(name, value, usage string, aliases ...string) ucli.Flag {
	return &ucli.StringFlag{Name: name, Aliases: aliases, Usage: usage, DefaultText: value}
}

// flagList makes a flag that may be repeated.
func flagList(name, value, usage string) ucli.Flag {
	return &ucli.StringSliceFlag{Name: name, Usage: usage, DefaultText: value}
}

// A flagInfo is what people and shells want to know of a flag.
type flagInfo struct {
	Long, Short, Value, Usage string // Short and Value may be empty
}

// TakesValue reports whether the flag is more than on or off.
func (f flagInfo) TakesValue() bool { return f.Value != "" }

// spelled is the flag as help shows it.
func (f flagInfo) spelled() string {
	text := "    --" + f.Long
	if f.Short != "" {
		text = "-" + f.Short + ", --" + f.Long
	}
	return strings.TrimRight(text+" "+f.Value, " ")
}

// flagInfos returns the flags of a command.
func flagInfos(c *ucli.Command) (infos []flagInfo) {
	for _, f := range c.Flags {
		info := flagInfo{Long: f.Names()[0]}
		if len(f.Names()) > 1 {
			info.Short = f.Names()[1]
		}
		switch f := f.(type) {
		case *ucli.BoolFlag:
			info.Usage = f.Usage
		case *ucli.StringFlag:
			info.Usage, info.Value = f.Usage, f.DefaultText
		case *ucli.StringSliceFlag:
			info.Usage, info.Value = f.Usage, f.DefaultText
		}
		infos = append(infos, info)
	}
	return infos
}

// commandHelp is the help of one command.
func commandHelp(c *ucli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "otactl %s\n\n%s.\n", strings.TrimSpace(c.Name+" "+c.ArgsUsage), strings.ToUpper(c.Usage[:1])+c.Usage[1:])
	if c.Description != "" {
		fmt.Fprintf(&b, "%s\n", c.Description)
	}
	fmt.Fprintf(&b, "\n")
	for _, f := range flagInfos(c) {
		fmt.Fprintf(&b, "  %-25s  %s\n", f.spelled(), f.Usage)
	}
	return b.String()
}

// appHelp is the help of the program.
func appHelp(commands []*ucli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", "otactl - "+appUsage+`

  otactl publish v1.0.1 boot.py main.py
  otactl rollback

`)
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-11s %s\n", c.Name, c.Usage)
	}
	fmt.Fprintf(&b, "%s", `
Flags stand anywhere; otactl help COMMAND shows them. Each has a variable, such as OTACTL_DRY_RUN for --dry-run,
and those that stay the same have a key in otactl.toml. A flag beats a variable, and a variable the file.
`)
	return b.String()
}

// A helpOutcome is the answer to help.
type helpOutcome struct {
	Text string `json:"text"`
}

func (o *helpOutcome) lines() []string { return strings.Split(strings.TrimSuffix(o.Text, "\n"), "\n") }

// runHelp shows the help of the program or of one command.
func runHelp(_ context.Context, c *call) (outcome, error) {
	commands := c.commands()
	switch len(c.args) {
	case 0:
		return &helpOutcome{appHelp(commands)}, nil
	case 1:
		for _, command := range commands {
			if command.Name == c.args[0] {
				return &helpOutcome{commandHelp(command)}, nil
			}
		}
		return nil, unknownCommand(commands, c.args[0])
	}
	return nil, usageError("otactl help COMMAND", "help takes one command, not %d", len(c.args))
}
