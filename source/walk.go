package source

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxVisited bounds a walk: links between folders can make a small tree endless.
const maxVisited = 2_000

// tree adds what is in a folder, by the rules of the .otaignore in the folder that names are relative to.
func (c *collector) tree(d folder, rel string) error {
	rules, errs := readIgnore(d)
	if len(errs) > 0 { // nothing is known of what was to be held back, so nothing is looked at
		c.errs = append(c.errs, errs...)
		return nil
	}
	top, err := d.stat(rel)
	if err != nil {
		return err
	}
	w := &walker{collector: c, folder: d, rules: rules}
	w.walk(rel, []fs.FileInfo{top})
	if w.found == 0 && !w.full {
		return &EmptyError{d.at(rel), w.skipped}
	}
	return nil
}

type walker struct {
	*collector
	folder  folder
	rules   ignoreRules
	found   int // files, and what is wrong
	skipped int
	visited int // what was not skipped
}

// walk adds what is in a folder. above are that folder and those that it was reached through.
func (w *walker) walk(dir string, above []fs.FileInfo) {
	entries, err := w.folder.list(dir)
	if err != nil {
		w.refuse(err)
		return
	}
	for _, e := range entries {
		if w.full {
			return
		}
		w.entry(filepath.Join(dir, e.Name()), e.Type(), above)
	}
}

func (w *walker) entry(rel string, mode fs.FileMode, above []fs.FileInfo) {
	info, err := w.folder.stat(rel)
	isDir := mode.IsDir() || err == nil && info.IsDir()
	if why := w.skip(rel, isDir); why != "" {
		w.skipped++
		w.set.Skipped = append(w.set.Skipped, Skipped{w.folder.at(rel), why})
		w.warnNestedIgnore(rel)
		return
	}
	w.visited++
	switch {
	case w.visited > maxVisited:
		w.limit(w.folder.path, fmt.Sprintf("more than %d files and folders", maxVisited))
	case err != nil:
		w.refuse(err)
	case !isDir:
		w.found++
		w.file(w.folder, rel)
	case slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }):
		w.refuse(&NotRegularError{w.folder.at(rel), "a symbolic link to a folder that it is in"})
	default:
		w.walk(rel, append(above[:len(above):len(above)], info))
	}
}

func (w *walker) refuse(err error) {
	w.found++
	w.errs = append(w.errs, err)
}

// skip says which rule keeps a path out; "" for none. The rules that always hold cannot be undone by an .otaignore.
func (w *walker) skip(rel string, isDir bool) string {
	name := filepath.Base(rel)
	switch {
	case strings.HasPrefix(name, "."):
		return "starts with a dot"
	case isDir && name == "__pycache__":
		return "__pycache__"
	case !isDir && strings.HasSuffix(name, ".pyc"):
		return "*.pyc"
	case strings.HasSuffix(name, "~"):
		return "*~"
	case !isDir && rel == "otactl.toml": // it tells the world where the server is and who logs in there
		return "otactl.toml"
	}
	return w.rules.match(filepath.ToSlash(rel), isDir)
}

// warnNestedIgnore warns of an .otaignore that is not read, so that nobody relies on it.
func (w *walker) warnNestedIgnore(rel string) {
	if filepath.Base(rel) == ignoreName && rel != ignoreName {
		w.set.Warnings = append(w.set.Warnings, Warning{Path: w.folder.at(rel), Text: "is not read: only the one in " + show(w.folder.path) + " is"})
	}
}
