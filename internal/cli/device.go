package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/otactl/otactl/device"
)

// packageName is what mip asks for in a folder of a web server.
const packageName = "package.json"

// A deviceOutcome is the answer to device install.
type deviceOutcome struct {
	Dir     string          `json:"dir"`
	DryRun  bool            `json:"dry_run"`
	Files   []installedFile `json:"files"`
	Package string          `json:"package,omitempty"` // the URL that mip installs, with --url
}

type installedFile struct {
	Name   string `json:"name"`
	Size   int    `json:"size"` // bytes
	Status string `json:"status"`
}

// What becomes of a file.
const (
	fileWritten  = "written"
	fileReplaced = "replaced"
	fileSame     = "unchanged"
)

func (o *deviceOutcome) lines() []string {
	var lines, names []string
	for _, f := range o.Files {
		what := map[string]string{fileWritten: "wrote", fileReplaced: "replaced", fileSame: "unchanged:"}[f.Status]
		if o.DryRun && f.Status != fileSame {
			what = map[string]string{fileWritten: "would write", fileReplaced: "would replace"}[f.Status]
		}
		path := filepath.Join(o.Dir, f.Name)
		lines = append(lines, fmt.Sprintf("%s %s (%s)", what, path, size(int64(f.Size))))
		names = append(names, path)
	}
	if o.DryRun {
		return lines
	}
	lines = append(lines, "next, for each board:")
	if o.Package != "" {
		lines = append(lines, fmt.Sprintf("  import mip; mip.install(%q)", o.Package))
	} else {
		lines = append(lines, "  mpremote cp "+strings.Join(names, " ")+" :")
	}
	return append(lines, "  remove other copies of "+clientModule+" from / and /lib: of two, the board may run the old one")
}

const clientModule = "micropython_ota"

func runDevice(_ context.Context, c *call) (outcome, error) {
	if len(c.args) != 2 || c.args[0] != "install" {
		return nil, usageError("otactl device install DIR", "device takes the word install and a folder")
	}
	o := &deviceOutcome{Dir: c.args[1], DryRun: c.dryRun}
	contents, err := clientFiles(device.Files())
	if err != nil {
		return nil, err
	}
	if c.url.isSet() {
		base, err := baseURL(c.url)
		if err != nil {
			return nil, err
		}
		o.Package = base + "/"
		contents = append(contents, packageFile(base, contents))
	}
	for _, f := range contents {
		status, err := c.lookAt(filepath.Join(o.Dir, f.name), f.data)
		if err != nil {
			return nil, err
		}
		o.Files = append(o.Files, installedFile{f.name, len(f.data), status})
	}
	if c.dryRun {
		return o, nil
	}
	return o, writeClient(o, contents)
}

// A namedFile is a file of the client and its content.
type namedFile struct {
	name string
	data []byte
}

func clientFiles(files fs.FS) (contents []namedFile, err error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, err
		}
		contents = append(contents, namedFile{e.Name(), data})
	}
	return contents, nil
}

// baseURL checks what is in front of the names of the files. It ends up in a file that everybody can read.
func baseURL(s setting) (string, error) {
	u, err := url.Parse(s.text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", usageError("write it like http://ota.example.org/client", "%s: not the URL of a folder, without user and query", s.origin)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// packageFile says for mip where the files are. Before MicroPython 1.25 mip takes absolute URLs only.
func packageFile(base string, files []namedFile) namedFile {
	urls := make([][2]string, len(files))
	for i, f := range files {
		urls[i] = [2]string{f.name, base + "/" + f.name}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(map[string]any{"urls": urls}) // texts and a bytes.Buffer: nothing can go wrong
	return namedFile{packageName, b.Bytes()}
}

// lookAt says what would become of a file, or refuses to overwrite it.
func (c *call) lookAt(path string, data []byte) (status string, err error) {
	there, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fileWritten, nil
	case err != nil:
		return "", usageError("", "%v", err)
	case bytes.Equal(there, data):
		return fileSame, nil
	case !c.force:
		return "", usageError("nothing was written; to overwrite it: --force", "%s exists with other content", path)
	}
	return fileReplaced, nil
}

// writeClient writes what differs. Each file is whole at every moment, because the folder may be that of a board.
func writeClient(o *deviceOutcome, files []namedFile) error {
	if err := os.Mkdir(o.Dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return usageError("", "%v", err)
	}
	for i, f := range files {
		if o.Files[i].Status == fileSame {
			continue
		}
		if err := replaceFile(filepath.Join(o.Dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return usageError("", "%v", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
