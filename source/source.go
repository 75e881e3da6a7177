// Package source collects the files that are to be published and checks them, before anything is sent.
//
// Each file is read exactly once: the bytes that were checked and hashed are the bytes that are sent. Everything is
// checked before anything is reported, so that an author sees all problems of all files at once. Problems are errors of
// the types in errors.go and stop a publish; what is merely unwise, or what only original clients cannot do, is a
// [Warning].
//
// # Arguments
//
// An argument is a file or a folder:
//
//   - a bare file name (boot.py, ./boot.py) is published under it;
//   - a folder stands for its tree, with names relative to it;
//   - a file with a folder part (lib/util.py, ../boot.py, /home/me/boot.py) has no obvious name, and is an [AmbiguousError]
//     unless Options says which one is meant.
//
// Options.Dir is what -C is to git and tar: arguments are paths relative to it, and names are too, those of the tree of a
// folder included. An absolute path is taken if it lies inside. Options.Flat publishes everything under its base name.
//
// # What is skipped
//
// The trees of folders are taken without what starts with a dot, __pycache__, *.pyc, *~, otactl.toml and what the file
// .otaignore lists (see ignore.go for its grammar). It is read in the folder that names are relative to, and only there. A file that
// is an argument is never skipped.
//
// # Symbolic links
//
// A link is followed as long as it stays inside the folder: Options.Dir, else the folder that is the argument or holds the
// file that is. Whoever can add a link to a repository could otherwise have a build server publish its own secrets. For
// the same reason a folder below Options.Base or the working folder is not followed out of it.
package source

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/otactl/otactl/layout"
)

// Options say how arguments are read and what is let through.
type Options struct {
	Base        string   // arguments are as seen from this folder, if Dir is not set; "" for the working folder
	Dir         string   // arguments and names are relative to this folder; "" for none
	Flat        bool     // publish every file under its base name
	AllowSecret []string // names of files in the release that may hold keys and passwords
	Signed      bool     // devices may check signatures
	// Judge judges the files that passed the checks of their text, all at once, in the order in which they were found; nil
	// if nobody does. Whoever can tell what MicroPython compiles is no business of this package.
	Judge func([]File) ([]error, []Warning)
}

// A File is one file of a release, with its content.
type File struct {
	Name string // in the release
	Path string // on this machine, for messages
	Data []byte
}

// Skipped is something in a folder that is not published.
type Skipped struct {
	Path string
	Why  string // what it matches, such as "*.pyc" or ".otaignore:3"
}

// A Warning is something that a publish survives, but perhaps not every device.
type Warning struct {
	Path   string // on this machine, or the name in a release
	Line   int    // from 1; 0 if it is not about a line
	Column int    // in characters, from 1; 0 if it is not about a place in the line
	Text   string
}

func (w Warning) String() string {
	place := at(w.Path, w.Line)
	if w.Column > 0 {
		place += ":" + strconv.Itoa(w.Column)
	}
	return place + ": " + w.Text
}

// NotText is the text of the warning of a file that is not UTF-8.
const NotText = "original clients cannot install a file that is not text"

// A Set is what is to be published: files with valid names, as many and as large as a release may have.
type Set struct {
	Files    []File // strictly ascending by name
	Skipped  []Skipped
	Warnings []Warning
}

// Size is the sum of the sizes of the files, in bytes.
func (s Set) Size() (n int64) {
	for _, f := range s.Files {
		n += int64(len(f.Data))
	}
	return n
}

// Manifest is the manifest, unsigned, of the release that consists of these files.
func (s Set) Manifest(p layout.Project, t layout.Tag, k layout.Kind) layout.Manifest {
	m := layout.Manifest{Project: p, Tag: t, Kind: k}
	for _, f := range s.Files {
		sum := sha256.Sum256(f.Data)
		m.Files = append(m.Files, layout.File{Name: f.Name, Size: int64(len(f.Data)), SHA256: hex.EncodeToString(sum[:])})
	}
	return m
}

// Compare warns of files that only one of two releases has: the one that is to be published and the live one. Original
// devices have the list of their files baked in, and follow it, not the release. Without a live release there is nothing
// to warn of.
func Compare(files, live []layout.File) (warnings []Warning) {
	if len(live) == 0 {
		return nil
	}
	has := func(files []layout.File, name string) bool {
		return slices.ContainsFunc(files, func(f layout.File) bool { return f.Name == name })
	}
	for _, f := range live {
		if !has(files, f.Name) {
			warnings = append(warnings, Warning{Path: f.Name, Text: "the live release has it and this one lacks it; " +
				"original devices that list it ask for it for ever and never finish the update; " +
				"ship in two steps: first take it off their list, and out of the release one later"})
		}
	}
	for _, f := range files {
		if !has(live, f.Name) {
			warnings = append(warnings, Warning{Path: f.Name, Text: "the live release lacks it; " +
				"original devices do not fetch it in the first update, because the list that they follow is the old one; " +
				"ship in two steps: first add it and list it, and use it one release later"})
		}
	}
	return warnings
}
