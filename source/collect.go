package source

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otactl/otactl/layout"
)

// Limits of what is collected. A release is held in memory while it is published.
const (
	MaxFile = 16 << 20  // bytes of a file
	MaxSize = 128 << 20 // bytes of all files
	// maxFileLines leaves room in a manifest for its head and four signatures.
	maxFileLines = layout.MaxManifest - 4<<10
)

// Collect reads and checks the files that the arguments stand for. Its errors are those of errors.go, *layout.NameError
// and *layout.CollisionError (inside a *[PathError] where the name is not the path), and *fs.PathError; they come joined
// by [errors.Join], in the order in which they were found. After an error the set has no files, but still says what was
// skipped and warned of.
func Collect(args []string, o Options) (Set, error) {
	c := &collector{o: o, names: map[string]string{}}
	for _, arg := range args {
		if err := c.argument(arg); err != nil {
			c.errs = append(c.errs, err)
		}
		if c.full {
			break
		}
	}
	c.finish(len(args))
	if len(c.errs) > 0 {
		return Set{Skipped: c.set.Skipped, Warnings: c.set.Warnings}, errors.Join(c.errs...)
	}
	return c.set, nil
}

type collector struct {
	o     Options
	set   Set
	errs  []error
	names map[string]string // name in the release -> path of the first file that has it
	files int               // how many were found
	size  int64             // of all that were read
	// readable are the files that are good enough to be judged.
	readable []File
	full     bool // a limit of the whole set was exceeded: nothing more is read
}

func (c *collector) argument(arg string) error {
	if arg == "" {
		return &layout.NameError{Name: arg, Reason: "is empty"}
	}
	base, dir, rel, err := c.locate(arg)
	if err != nil {
		return err
	}
	d, err := openFolder(base, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return pathError(from(base, filepath.Join(dir, rel)), err)
	}
	if err != nil {
		return err
	}
	defer d.close()
	info, err := d.stat(rel)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return c.tree(d, rel)
	}
	hasFolder := filepath.Clean(arg) != rel
	if hasFolder && c.o.Dir == "" && !c.o.Flat && info.Mode().IsRegular() {
		return ambiguous(arg)
	}
	c.file(d, rel)
	return nil
}

// locate says where an argument is: the folder, as seen from base, that its name is relative to and that symbolic links
// must not leave, and its path there.
func (c *collector) locate(arg string) (base, dir, rel string, err error) {
	if c.o.Dir != "" {
		rel, err = inside(c.o.Dir, arg)
		return "", c.o.Dir, rel, err
	}
	path := filepath.Clean(arg)
	if info, err := os.Stat(from(c.o.Base, path)); err == nil && info.IsDir() {
		return c.o.Base, path, ".", nil
	}
	return c.o.Base, filepath.Dir(path), filepath.Base(path), nil
}

// inside returns the path of an argument relative to a folder.
func inside(dir, arg string) (rel string, err error) {
	rel = filepath.Clean(arg)
	if filepath.IsAbs(arg) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		if rel, err = filepath.Rel(abs, arg); err != nil {
			return "", &OutsideError{Path: arg, Folder: dir}
		}
	}
	if !filepath.IsLocal(rel) {
		return "", &OutsideError{Path: arg, Folder: dir}
	}
	return rel, nil
}

func ambiguous(arg string) error {
	e := &AmbiguousError{Path: arg, Flat: filepath.Base(arg)}
	if filepath.IsLocal(arg) {
		e.Nested = filepath.ToSlash(filepath.Clean(arg))
	}
	return e
}

// file adds a file to the set. The same file under the same name is added once.
func (c *collector) file(d folder, rel string) {
	name, path := c.name(rel), d.at(rel)
	other, taken := c.names[name]
	if taken && other == path {
		return
	}
	if taken {
		c.errs = append(c.errs, &DuplicateError{name, other, path})
	} else {
		c.names[name] = path
	}
	if c.files++; c.files > layout.MaxFiles {
		c.limit("", fmt.Sprintf("more than %d files", layout.MaxFiles))
		return
	}
	data, err := d.read(rel, MaxFile)
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	if c.size += int64(len(data)); c.size > MaxSize {
		c.limit("", fmt.Sprintf("the files are larger than %d MiB in all", MaxSize>>20))
		return
	}
	f := File{name, path, data}
	errs, readable := problems(f, c.o)
	c.errs = append(c.errs, errs...)
	if readable {
		c.readable = append(c.readable, f)
	}
	c.set.Warnings = append(c.set.Warnings, warnings(f, c.o)...)
	c.set.Files = append(c.set.Files, f)
}

// name is the name in the release of a file in the folder that names are relative to.
func (c *collector) name(rel string) string {
	if c.o.Flat {
		return filepath.Base(rel)
	}
	return filepath.ToSlash(rel)
}

func (c *collector) limit(path, reason string) {
	c.full = true
	c.errs = append(c.errs, &LimitError{path, reason})
}

// finish checks what can be said only of all files.
func (c *collector) finish(args int) {
	if args == 0 {
		c.errs = append(c.errs, &EmptyError{})
	}
	slices.SortFunc(c.set.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	c.set.Warnings = append(c.set.Warnings, bootWarnings(c.set.Files, c.o.Signed)...)
	c.errs = append(c.errs, c.collisions()...)
	c.judge()
	lines := c.set.Manifest("", layout.Tag{}, layout.Prefix).Bytes()
	if len(lines) > maxFileLines && !c.full {
		c.limit("", fmt.Sprintf("the manifest would be larger than %d KiB, for so many files with so long names", layout.MaxManifest>>10))
	}
}

// judge lets the files be judged, unless there are too many of them to be a release anyway.
func (c *collector) judge() {
	if c.o.Judge == nil || c.full {
		return
	}
	errs, warnings := c.o.Judge(c.readable)
	c.errs = append(c.errs, errs...)
	c.set.Warnings = append(c.set.Warnings, warnings...)
}

// collisions reports each file that cannot be in one release with one before it.
func (c *collector) collisions() (errs []error) {
	names := slices.Sorted(maps.Keys(c.names))
	names = slices.DeleteFunc(names, func(name string) bool { return layout.CheckName(name) != nil })
	for {
		var e *layout.CollisionError
		if !errors.As(layout.CheckNames(names), &e) {
			return errs
		}
		errs = append(errs, withPath(c.names[e.B], e.B, e))
		names = slices.DeleteFunc(names, func(name string) bool { return name == e.B })
	}
}

// withPath adds the path to an error that speaks of a name, if they are not the same.
func withPath(path, name string, err error) error {
	if filepath.ToSlash(path) == name {
		return err
	}
	return &PathError{path, err}
}
