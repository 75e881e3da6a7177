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
	Boot    string   `json:"boot"` // for boot.py on the devices
	Files   []string `json:"files"`
}

func (o *initOutcome) lines() []string {
	if !o.Written {
		return append([]string{"would write " + o.Path + ":"}, indented(o.Content)...)
	}
	lines := []string{
		"wrote " + o.Path,
		"next:",
		"  1. look through " + o.Path + ", then: otactl check",
		"  2. otactl publish v1.0.0 --dry-run, and without --dry-run",
		"  3. give each device the client micropython_ota, and boot.py these lines:",
	}
	for _, line := range indented(o.Boot) {
		lines = append(lines, "   "+line)
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

func runInit(_ context.Context, c *call) (outcome, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
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
	files, err := pythonFiles(c.env.Dir)
	if err != nil {
		return nil, err
	}
	o := &initOutcome{
		Path: configName, Content: initConfig(project, c.to.text, kind, files), Boot: bootLines(project, kind, files),
		Written: !c.dryRun, Files: files,
	}
	if err := writeNew(filepath.Join(c.env.Dir, configName), o.Content, c.dryRun); err != nil {
		return nil, err
	}
	return o, nil
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

func initConfig(project layout.Project, to string, kind layout.Kind, files []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# With this file, otactl publish TAG needs no more. Paths are relative to this folder.\n")
	fmt.Fprintf(&b, "project = %s\n", quoted(string(project)))
	if to == "" {
		fmt.Fprintf(&b, "# to = \"sftp://ota@ota.example.org/srv/ota\"  # or a folder: what the web server serves\n")
	} else {
		fmt.Fprintf(&b, "to = %s\n", quoted(to))
	}
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

// bootLines is a call of the original client. It needs the names of the files, because it downloads nothing else.
func bootLines(project layout.Project, kind layout.Kind, files []string) string {
	if len(files) == 0 {
		files = []string{"boot.py", "main.py"}
	}
	prefix := "True"
	if kind == layout.Directory {
		prefix = "False"
	}
	return fmt.Sprintf(`import micropython_ota
micropython_ota.ota_update(
    host="http://ota.example.org",
    project=%s,
    filenames=%s,
    use_version_prefix=%s,
)
`, quoted(string(project)), list(files), prefix)
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
