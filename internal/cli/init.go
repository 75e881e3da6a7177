package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/otactl/otactl/layout"
)

// An initOutcome is the answer to init.
type initOutcome struct {
	Path    string   `json:"path"`
	Written bool     `json:"written"` // false after --dry-run
	Content string   `json:"content"`
	Boot    string   `json:"boot"`    // for boot.py on the devices, without trials
	Trial   string   `json:"trial"`   // for boot.py, with trials
	Confirm string   `json:"confirm"` // with trials, for the application
	Files   []string `json:"files"`

	Doctor *doctorOutcome `json:"doctor,omitempty"` // what otactl doctor says of it, with a target
}

func (o *initOutcome) lines() []string {
	if !o.Written {
		return append([]string{"would write " + o.Path + ":"}, indented(o.Content)...)
	}
	lines := []string{"wrote " + o.Path}
	if o.Doctor != nil {
		lines = append(lines, o.Doctor.lines()...)
	}
	lines = append(lines,
		"next:",
		"  1. look through "+o.Path+", then: otactl doctor",
		"  2. otactl publish v1.0.0 --dry-run, and without --dry-run",
		"  3. give each device the client: otactl help device",
		"  4. boot.py of the devices, if they shall keep what was installed, as with the original client:",
	)
	lines = append(lines, more(o.Boot)...)
	lines = append(lines, "     or if they shall go back by themselves from what does not work:")
	lines = append(lines, more(o.Trial)...)
	lines = append(lines, "     and then in the application, when it works:")
	return append(lines, more(o.Confirm)...)
}

// more is a text below a numbered step.
func more(text string) []string {
	lines := indented(text)
	for i := range lines {
		lines[i] = strings.TrimRight("   "+lines[i], " ")
	}
	return lines
}

func indented(text string) []string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight("    "+lines[i], " ")
	}
	return lines
}

func runInit(ctx context.Context, c *call) (outcome, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
	}
	if c.s3 {
		return printPolicy(c)
	}
	if !c.project.isSet() {
		c.project.text = filepath.Base(c.env.Dir)
	}
	project, err := layout.ParseProject(c.project.text)
	if err != nil {
		return nil, err
	}
	kind, err := c.kind()
	if err != nil {
		return nil, err
	}
	if c.to.isSet() {
		if _, err := parseTarget(c.to, c.env); err != nil {
			return nil, err
		}
	}
	if _, err := c.each(); err != nil {
		return nil, err
	}
	files, err := pythonFiles(c.env.Dir)
	if err != nil {
		return nil, err
	}
	o := &initOutcome{
		Path: configName, Content: initConfig(project, c.to.many, kind, files), Files: files, Written: !c.dryRun,
		Boot: bootLines(project, kind, files), Trial: trialLines(project, kind), Confirm: confirmLines,
	}
	if err := writeNew(filepath.Join(c.env.Dir, configName), o.Content, c.dryRun); err != nil {
		return nil, err
	}
	if c.dryRun || !c.to.isSet() {
		return o, nil
	}
	// What does not work yet is for whoever set it to mend: the file is written, and that was asked for.
	o.Doctor, err = c.examineNew(ctx)
	return o, err
}

// writeNew writes a file that does not exist, or only looks whether it could.
func writeNew(path, content string, dryRun bool) (err error) {
	exists := usageError("edit it, or remove it first", "%s exists", filepath.Base(path))
	if _, err := os.Lstat(path); err == nil {
		return exists
	}
	if dryRun {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exists
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteString(content)
	return err
}

// pythonFiles returns what a MicroPython project has at its top.
func pythonFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := []string{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".py" && e.Type().IsRegular() && layout.CheckName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func initConfig(project layout.Project, to []string, kind layout.Kind, files []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# With this file, otactl publish TAG needs no more. Paths are relative to this folder.\n")
	fmt.Fprintf(&b, "project = %s\n", quoted(string(project)))
	switch len(to) {
	case 0:
		fmt.Fprintf(&b, "# to = \"sftp://ota@ota.example.org/srv/ota\"  # or a folder: what the web server serves\n")
	case 1:
		fmt.Fprintf(&b, "to = %s\n", quoted(to[0]))
	default:
		fmt.Fprintf(&b, "to = %s\n", list(to))
	}
	fmt.Fprintf(&b, "# url = \"http://ota.example.org\"  # the same as devices reach it: then publish looks whether they get the files\n")
	if len(files) == 0 {
		fmt.Fprintf(&b, "# files = [\"boot.py\", \"main.py\"]\n")
	} else {
		fmt.Fprintf(&b, "files = %s\n", list(files))
	}
	if kind == layout.Directory {
		fmt.Fprintf(&b, "layout = %q\n", kind)
	}
	return b.String()
}

// bootLines is a call of the original client, which the one of this project takes too. The original needs the names of the
// files, because it downloads nothing else.
func bootLines(project layout.Project, kind layout.Kind, files []string) string {
	if len(files) == 0 {
		files = []string{"boot.py", "main.py"}
	}
	return fmt.Sprintf(`import micropython_ota

# join the network here
micropython_ota.ota_update(
    host="http://ota.example.org",
    project=%s,
    filenames=%s,
    use_version_prefix=%s,
)
`, quoted(string(project)), list(files), prefixed(kind))
}

// trialLines put each update on trial. They install whatever the release holds, in the layout that its manifest says.
func trialLines(project layout.Project, kind layout.Kind) string {
	return fmt.Sprintf(`import micropython_ota as ota

ota.boot()
# join the network here
ota.ota_update(host="http://ota.example.org", project=%s, use_version_prefix=%s)
`, quoted(string(project)), prefixed(kind))
}

const confirmLines = `import micropython_ota as ota

ota.confirm()
`

func prefixed(kind layout.Kind) string {
	if kind == layout.Directory {
		return "False"
	}
	return "True"
}

func list(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = quoted(name)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// quoted is a string in TOML and in Python, which agree on what JSON says for all that is printable.
func quoted(text string) string { return strconv.Quote(text) }
