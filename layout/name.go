package layout

import (
	"fmt"
	"slices"
	"strings"
)

// MaxName is the longest name of a file in a release, in bytes.
const MaxName = 128

// reserved names collide on the device, and so does what lies below a folder of that name: a folder "version" cannot be
// where the file is, and a folder "micropython_ota" is what "import micropython_ota" finds first. They are compared
// ignoring case (docs/FORMAT.md, Projects and names).
var reserved = []struct{ name, reason string }{
	{"version", "the device keeps its version there"},
	{"tmp", "original clients download into it"},
	{"micropython_ota", hidesClient},
	{"micropython_ota.py", isClient},
	{"micropython_ota.mpy", isClient},
	{"lib/micropython_ota", hidesClient},
	{"lib/micropython_ota.py", isClient},
	{"lib/micropython_ota.mpy", isClient},
}

const (
	isClient    = "the update client cannot be part of a release: it could not revert itself"
	hidesClient = "a folder of this name hides the update client"
)

// A NameError reports a text that cannot name a file of a release.
type NameError struct {
	Name   string
	Reason string
}

func (e *NameError) Error() string { return fmt.Sprintf("file name %q: %s", e.Name, e.Reason) }

// A CollisionError reports two names that cannot both be in one release.
type CollisionError struct {
	A, B   string
	Reason string
}

func (e *CollisionError) Error() string {
	return fmt.Sprintf("file names %q and %q: %s", e.A, e.B, e.Reason)
}

// CheckName checks the name of a file in a release (docs/FORMAT.md, Projects and names). Its errors are of type *[NameError].
func CheckName(name string) error {
	if name == "" {
		return &NameError{name, "is empty"}
	}
	if len(name) > MaxName {
		return &NameError{name[:MaxName] + "...", fmt.Sprintf("longer than %d characters", MaxName)}
	}
	for segment := range strings.SplitSeq(name, "/") {
		if reason := checkSegment(segment); reason != "" {
			return &NameError{name, reason}
		}
	}
	lower := strings.ToLower(name)
	for _, r := range reserved {
		if lower == r.name || strings.HasPrefix(lower, r.name+"/") {
			return &NameError{name, "reserved: " + r.reason}
		}
	}
	return nil
}

func checkSegment(s string) string {
	switch {
	case s == "":
		return "has an empty part between slashes"
	case s == "." || s == "..":
		return `has a part "` + s + `"`
	case s[0] == '.':
		return "a part starts with a dot, which web servers hide"
	case s[len(s)-1] == '.':
		return "a part ends in a dot, which FAT file systems drop"
	}
	for _, r := range s {
		if !isWord(r) && r != '.' {
			return fmt.Sprintf("%q is not allowed: devices put names into the URL as they are, so only A-Z a-z 0-9 . _ - work", r)
		}
	}
	return ""
}

// isWord reports whether r may stand anywhere in a name or a project.
func isWord(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-'
}

// CheckNames checks the names of one release: each by [CheckName], and that they are unique ignoring case and that none
// is a folder of another. Errors are of type *[NameError] or *[CollisionError].
func CheckNames(names []string) error {
	seen := map[string]string{} // lower case -> as written
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return err
		}
		lower := strings.ToLower(name)
		if other, ok := seen[lower]; ok {
			reason := "differ only in case, and FAT devices have one of them"
			if other == name {
				reason = "are the same"
			}
			return &CollisionError{other, name, reason}
		}
		seen[lower] = name
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		lower := strings.ToLower(name)
		for i, r := range lower {
			if other, ok := seen[lower[:i]]; ok && r == '/' {
				return &CollisionError{other, name, "the first is a file and also a folder of the second"}
			}
		}
	}
	return nil
}
