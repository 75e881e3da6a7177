package cli

import (
	"slices"
	"strings"
	"testing"

	ucli "github.com/urfave/cli/v2"
)

func testApp() *ucli.App {
	return &ucli.App{
		Name:  "otactl",
		Flags: []ucli.Flag{flagBool("version", ""), flagBool("json", "")},
		Commands: []*ucli.Command{
			{Name: "publish", Flags: []ucli.Flag{
				flagBool("json", ""), flagBool("dry-run", ""), flagBool("quiet", "", "q"), flagText("to", "URL", ""),
				flagText("dir", "DIR", "", "C"), flagList("allow-secret", "NAME", ""),
			}},
			{Name: "prune", Flags: []ucli.Flag{flagText("keep", "N", "")}},
		},
	}
}

func TestParseLine(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"publish v1 a", "otactl publish -- v1 a"},
		{"publish v1 a --to X --dry-run", "otactl publish --to=X --dry-run -- v1 a"},
		{"publish --to X v1 a", "otactl publish --to=X -- v1 a"},
		{"--to X -q publish v1 a", "otactl publish --to=X --quiet -- v1 a"},
		{"publish v1 -C src a -q b", "otactl publish --dir=src --quiet -- v1 a b"},
		{"publish v1 -to=X", "otactl publish --to=X -- v1"},
		{"publish v1 --to=-- --to= a", "otactl publish --to=-- --to= -- v1 a"},
		{"publish v1 -- --to X -q", "otactl publish -- v1 --to X -q"},
		{"-- publish --to", "otactl publish -- --to"},
		{"publish v1 - a", "otactl publish -- v1 - a"},
		{"publish v1 --to - a", "otactl publish --to=- -- v1 a"},
		{"publish v1 --dry-run=false a", "otactl publish --dry-run=false -- v1 a"},
		{"publish --allow-secret a,b --allow-secret c v1", "otactl publish --allow-secret=a,b --allow-secret=c -- v1"},
		{"publish v1 --to X --help", "otactl help -- publish"},
		{"-h", "otactl help --"},
		{"--version", "otactl --version --"},
		{"--version --json", "otactl --version --json --"},

		{"", "no command"},
		{"--json", "no command"},
		{"--to X", "no command"},
		{"--version --to X", "--to is not a flag of otactl"},
		{"--nope", "unknown flag --nope"},
		{"pubish --nope", `unknown command "pubish"`},
		{"publish v1 --nope", "unknown flag --nope"},
		{"publish v1 --dry-runn=x", "unknown flag --dry-runn"},
		{"publish v1 --keep 3", "--keep is not a flag of publish"},
		{"publish v1 --version", "--version is not a flag of publish"},
		{"publish v1 --to", "flag --to needs a value"},
		{"publish v1 --to --dry-run", "flag --to needs a value, and --dry-run follows"},
		{"publish --to -- v1", "flag --to needs a value, and -- follows"},
		{"prune --keep -1", "flag --keep needs a value, and -1 follows"},
		{"publish --nope --to", "unknown flag --nope"},
		{"publish ---to X", "unknown flag ---to"},
	} {
		line, err := parseLine(testApp(), strings.Fields(c.args))
		got := strings.Join(line.argv("otactl"), " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.args, got, c.want)
		}
	}
}

func TestClosest(t *testing.T) {
	names := []string{"--to", "--project", "--dry-run", "-q", "-C"}
	for typed, want := range map[string]string{
		"--dryrun": "--dry-run", "--projct": "--project", "--too": "--to", "--wibble": "", "-x": "",
	} {
		if got := closest(typed, slices.Clone(names)); got != want {
			t.Errorf("closest(%q) = %q, want %q", typed, got, want)
		}
	}
}

// Whatever was typed: no argument is lost or made up, and none behind -- becomes a flag.
func FuzzParseLine(f *testing.F) {
	f.Add("publish\nv1\n--to\nX")
	f.Add("--to=X\npublish\n--\n--to")
	f.Add("publish\n-C\n--\nv1")
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\n")
		line, err := parseLine(testApp(), args)
		if err != nil || line.command == "help" || line.command == "" {
			return
		}
		at := slices.Index(args, line.command)
		rest := slices.Delete(slices.Clone(args), at, at+1)
		for _, arg := range line.args {
			i := slices.Index(rest, arg)
			if i < 0 {
				t.Fatalf("%q: %q was not typed", args, arg)
			}
			rest = slices.Delete(rest, i, i+1)
		}
		if i := slices.Index(args, "--"); i >= 0 {
			behind := args[i+1:]
			if at > i {
				behind = behind[at-i:]
			}
			if len(line.args) < len(behind) || !slices.Equal(line.args[len(line.args)-len(behind):], behind) {
				t.Fatalf("%q: arguments %q", args, line.args)
			}
		}
	})
}
