package release

import (
	"errors"
	"fmt"
	"strings"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/sign"
	"github.com/otactl/otactl/source"
)

// The refusals below protect devices or published bytes. Nothing was changed when one is returned. Texts that come from a
// server are quoted.

// refusal reports whether an error is one of them, and follows from what was live.
func refusal(err error) bool {
	var order *OrderError
	var back *RolledBackError
	var before *UnknownBeforeError
	var protected *ProtectedError
	var kind *LayoutError
	var pointer *PointerError
	var strict *StrictError
	var unsigned *sign.UnsignedError
	return errors.As(err, &order) || errors.As(err, &back) || errors.As(err, &before) || errors.As(err, &protected) ||
		errors.As(err, &kind) || errors.As(err, &pointer) || errors.As(err, &strict) || errors.As(err, &unsigned)
}

// An AbsentError reports a release that is not on the server.
type AbsentError struct {
	Tag     layout.Tag
	Present []string // the releases that are there, in ascending order
	Live    string
}

func (e *AbsentError) Error() string { return fmt.Sprintf("release %s is not on the server", e.Tag) }

// A NoProjectError reports a project of which the server has nothing.
type NoProjectError struct {
	Project layout.Project
	Present []string // the projects that are there
}

func (e *NoProjectError) Error() string {
	return fmt.Sprintf("project %s is not on the server", e.Project)
}

// An UnfinishedError reports a release of which something is missing: its publish was interrupted.
type UnfinishedError struct {
	Tag     layout.Tag
	Missing []string // names of files; the manifest among them if there is none
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("release %s is unfinished: %s is missing", e.Tag, andMore(e.Missing))
}

// A PrunedError reports a release that was removed. Its tag never comes back: caches and devices may hold the old bytes.
type PrunedError struct{ Tag layout.Tag }

func (e *PrunedError) Error() string { return fmt.Sprintf("release %s was pruned", e.Tag) }

// A BytesError reports a release that is there with other content.
type BytesError struct {
	Tag   layout.Tag
	Names []string // paths relative to the server root of what differs, ascending
}

func (e *BytesError) Error() string {
	return fmt.Sprintf("release %s is there with different content: %s", e.Tag, strings.Join(e.Names, ", "))
}

// A SpellingError reports a tag whose version is there in another spelling.
type SpellingError struct{ Tag, Other layout.Tag }

func (e *SpellingError) Error() string {
	return fmt.Sprintf("release %s is there already, spelled %s", e.Tag, e.Other)
}

// An OrderError reports a tag on the wrong side of the live one.
type OrderError struct {
	Action layout.Action
	Tag    layout.Tag
	Live   layout.Tag
}

func (e *OrderError) Error() string {
	side := "lower"
	if e.Tag.Compare(e.Live) > 0 {
		side = "higher"
	}
	return fmt.Sprintf("release %s is %s than %s, which is live", e.Tag, side, e.Live)
}

// A LayoutError reports a release in another layout than the live one.
type LayoutError struct {
	Tag      layout.Tag
	Kind     layout.Kind
	Live     layout.Tag
	LiveKind layout.Kind
}

func (e *LayoutError) Error() string {
	return fmt.Sprintf("release %s is in the %s layout, and the live %s in the %s layout", e.Tag, e.Kind, e.Live, e.LiveKind)
}

// A RolledBackError reports a publish of a release that was live, and that somebody went back from.
type RolledBackError struct {
	Tag  layout.Tag
	Live string
}

func (e *RolledBackError) Error() string {
	return fmt.Sprintf("release %s was published before and was rolled back from; %s is live", e.Tag, show(e.Live))
}

// An UnknownBeforeError reports that the log does not tell which release was live before the live one.
type UnknownBeforeError struct{ Live string }

func (e *UnknownBeforeError) Error() string {
	if e.Live == "" {
		return "no release is live"
	}
	return fmt.Sprintf("which release was live before %s is not known", show(e.Live))
}

// A PointerError reports a pointer that was made by hand and holds no tag.
type PointerError struct{ Text string }

func (e *PointerError) Error() string {
	return fmt.Sprintf("version holds %q, which is not a tag", e.Text)
}

// A ProtectedError reports releases that must not be pruned.
type ProtectedError struct {
	Tag    layout.Tag
	Reason string
}

func (e *ProtectedError) Error() string { return fmt.Sprintf("release %s %s", e.Tag, e.Reason) }

// A BusyError says that others changed the project each time that a change was planned.
type BusyError struct {
	Project layout.Project
	By      string // who made the last change; may be empty
	Err     error
}

func (e *BusyError) Error() string {
	if e.By == "" {
		return fmt.Sprintf("project %s: %v", e.Project, e.Err)
	}
	return fmt.Sprintf("project %s: %v (last: %q)", e.Project, e.Err, e.By)
}

func (e *BusyError) Unwrap() error { return e.Err }

// A DamagedError reports something on the server that otactl did not write like that.
type DamagedError struct {
	Name string // relative to the server root
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%q is damaged: %v", e.Name, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// A StrictError reports warnings that were asked to be errors.
type StrictError struct{ Warnings []source.Warning }

func (e *StrictError) Error() string {
	texts := make([]string, len(e.Warnings))
	for i, w := range e.Warnings {
		texts[i] = w.String()
	}
	return strings.Join(texts, "\n")
}

func andMore(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}

// show is the text of a pointer in a message: quoted unless it is a tag, because it may be anything.
func show(text string) string {
	if _, err := layout.ParseTag(text); err != nil {
		return fmt.Sprintf("%q", text)
	}
	return text
}
