// Package layout knows where everything lies below a server root and what stands in it: tags, projects, names,
// manifests and log entries. docs/FORMAT.md is the normative text; this package is its only implementation in Go.
//
// It is pure: strings and bytes in, strings and bytes out. It reads no file, no clock and no network, so that every
// rule of the format can be tested by a table.
package layout

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	manifestSuffix = ".manifest"
	pointerName    = "version"
)

// A Kind says how the files of a release are named on the server. Devices have it baked in.
type Kind string

const (
	Prefix    Kind = "prefix"    // <tag>_<name>, the default of the original client
	Directory Kind = "directory" // <tag>/<name>
)

// ParseKind parses "prefix" or "directory".
func ParseKind(text string) (Kind, error) {
	if k := Kind(text); k == Prefix || k == Directory {
		return k, nil
	}
	return "", fmt.Errorf("layout %q: neither %q nor %q", text, Prefix, Directory)
}

// A Project is the name of a project: the folder below the server root that holds it.
type Project string

// A ProjectError reports a text that cannot name a project.
type ProjectError struct {
	Project string
	Reason  string
}

func (e *ProjectError) Error() string { return fmt.Sprintf("project %q: %s", e.Project, e.Reason) }

// ParseProject parses the name of a project: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. Its errors are of type *[ProjectError].
func ParseProject(text string) (Project, error) {
	if text == "" {
		return "", &ProjectError{text, "is empty"}
	}
	if len(text) > 64 {
		return "", &ProjectError{text[:64] + "...", "longer than 64 characters"}
	}
	for i, r := range text {
		if !isWord(r) && r != '.' {
			return "", &ProjectError{text, fmt.Sprintf("%q is not allowed: only A-Z a-z 0-9 . _ -", r)}
		}
		if i == 0 && strings.ContainsRune("._-", r) {
			return "", &ProjectError{text, "does not start with a letter or a digit"}
		}
	}
	return Project(text), nil
}

// Pointer is the file that devices poll. It holds the live tag and a line feed.
func (p Project) Pointer() string { return string(p) + "/" + pointerName }

// Manifest is the manifest of a release.
func (p Project) Manifest(t Tag) string { return string(p) + "/" + t.text + manifestSuffix }

// File is a file of a release.
func (p Project) File(k Kind, t Tag, name string) string {
	if k == Directory {
		return string(p) + "/" + t.text + "/" + name
	}
	return string(p) + "/" + t.text + "_" + name
}

// Log is the folder of the change log. Its entries are [Project.Entry] 1, 2, 3, ...
func (p Project) Log() string { return string(p) + "/.otactl/log" }

// Entry is the file that says what change number seq was.
func (p Project) Entry(seq int) string { return fmt.Sprintf("%s/%08d/entry", p.Log(), seq) }

// Tombstone is the file that marks a release as pruned.
func (p Project) Tombstone(t Tag) string { return p.Tombstones() + "/" + t.text }

// Tombstones is the folder of all tombstones.
func (p Project) Tombstones() string { return string(p) + "/.otactl/pruned" }

// ParseSeq parses the name of a folder in the log: eight digits, not all zero.
func ParseSeq(text string) (seq int, ok bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 || len(text) != 8 {
		return 0, false
	}
	return int(n), true
}

// A Place is what a path below a project's folder stands for.
type Place struct {
	Tag  Tag
	Kind Kind   // of a release file; empty for a manifest
	Name string // of a release file; empty for a manifest
}

// IsManifest reports whether the place is a manifest, not a release file.
func (p Place) IsManifest() bool { return p.Name == "" }

// ParsePlace tells which release a path relative to the project's folder belongs to. ok is false for what belongs to
// none, such as the pointer, the log, and names that no client could ask for.
func ParsePlace(rel string) (place Place, ok bool) {
	if text, found := strings.CutSuffix(rel, manifestSuffix); found {
		if t, err := ParseTag(text); err == nil {
			return Place{Tag: t}, true
		}
	}
	// A tag holds neither "_" nor "/", so the first of them ends it.
	i := strings.IndexAny(rel, "_/")
	if i < 0 {
		return Place{}, false
	}
	t, err := ParseTag(rel[:i])
	if err != nil || CheckName(rel[i+1:]) != nil {
		return Place{}, false
	}
	kind := Prefix
	if rel[i] == '/' {
		kind = Directory
	}
	return Place{t, kind, rel[i+1:]}, true
}

// PointerContent is what the pointer holds while t is live.
func PointerContent(t Tag) []byte { return []byte(t.text + "\n") }
