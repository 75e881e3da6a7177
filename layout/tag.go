package layout

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// MaxTag is the longest tag, in bytes.
const MaxTag = 64

// A Tag names a release: a strict semantic version without build metadata, with or without one leading "v". Its text is
// kept as it was written, because that text is what devices see.
type Tag struct {
	text    string
	version *semver.Version
}

// A TagError reports a text that is not a tag.
type TagError struct {
	Tag    string
	Reason string
}

func (e *TagError) Error() string { return fmt.Sprintf("tag %q: %s", e.Tag, e.Reason) }

// ParseTag parses a tag (docs/FORMAT.md, Tags). Its errors are of type *[TagError].
func ParseTag(text string) (Tag, error) {
	if text == "" {
		return Tag{}, &TagError{text, "is empty"}
	}
	if len(text) > MaxTag {
		return Tag{}, &TagError{text[:MaxTag] + "...", fmt.Sprintf("longer than %d characters", MaxTag)}
	}
	if strings.Contains(text, "+") {
		return Tag{}, &TagError{text, "has build metadata (+...), which web servers and object stores mangle"}
	}
	v, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v"))
	if errors.Is(err, strconv.ErrRange) || err == nil && slices.ContainsFunc(strings.Split(v.Prerelease(), "."), overflows) {
		return Tag{}, &TagError{text, "has a number above 18446744073709551615"}
	}
	if err != nil {
		return Tag{}, &TagError{text, "not MAJOR.MINOR.PATCH"}
	}
	if strings.HasSuffix(strings.ToLower(text), manifestSuffix) {
		return Tag{}, &TagError{text, `ends in ".manifest", which names another release's manifest`}
	}
	return Tag{text, v}, nil
}

// overflows reports whether an identifier of a pre-release is a number that does not fit into 64 bits. The semver package
// takes such a number for text, and then 1.0.0-99999999999999999999 would be above 1.0.0-100000000000000000000.
func overflows(identifier string) bool {
	_, err := strconv.ParseUint(identifier, 10, 64)
	return errors.Is(err, strconv.ErrRange) && strings.Trim(identifier, "0123456789") == ""
}

// String returns the text of the tag as it was written.
func (t Tag) String() string { return t.text }

// IsZero reports whether t is the zero Tag, which names no release.
func (t Tag) IsZero() bool { return t.version == nil }

// Compare orders tags by semantic version precedence: -1, 0 or 1. Both must come from ParseTag.
func (t Tag) Compare(u Tag) int { return t.version.Compare(u.version) }

// Prerelease reports whether the tag has a pre-release part.
func (t Tag) Prerelease() bool { return t.version.Prerelease() != "" }

// Key is equal for tags that cannot stand beside each other on a server: the same version with and without "v", or in
// another case.
func (t Tag) Key() string { return strings.ToLower(strings.TrimPrefix(t.text, "v")) }

// Other returns the same version with the leading "v" added or taken away.
func (t Tag) Other() Tag {
	if rest, ok := strings.CutPrefix(t.text, "v"); ok {
		return Tag{rest, t.version}
	}
	return Tag{"v" + t.text, t.version}
}
