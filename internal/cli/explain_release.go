package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

const newTag = "devices may have installed it already; publish these files under a new tag"

// onRelease advises on refusals that protect devices or published bytes.
func onRelease(command string, err error) *advice {
	if hints, ok := onPresence(err); ok {
		return advise(exitProtected, hints...)
	}
	if hints, ok := onOrder(command, err); ok {
		return advise(exitProtected, hints...)
	}
	return nil
}

// onPresence advises on what is on the server or is not.
func onPresence(err error) (hints []string, ok bool) {
	if e, ok := errors.AsType[*release.AbsentError](err); ok {
		return []string{presentHint(e)}, true
	}
	if e, ok := errors.AsType[*release.NoProjectError](err); ok {
		return []string{projectsHint(e)}, true
	}
	if e, ok := errors.AsType[*release.UnfinishedError](err); ok {
		return []string{fmt.Sprintf("publish %s again, with the same files: that completes it", e.Tag)}, true
	}
	if _, ok := errors.AsType[*release.PrunedError](err); ok {
		return []string{"caches and devices may hold the old files, so a pruned tag never comes back; use a new one"}, true
	}
	if _, ok := errors.AsType[*release.BytesError](err); ok {
		return []string{newTag}, true
	}
	if _, ok := errors.AsType[*store.ConflictError](err); ok {
		return []string{newTag}, true
	}
	if e, ok := errors.AsType[*release.SpellingError](err); ok {
		return []string{fmt.Sprintf("it is the same version for people and for file systems; use %s, or a new version", e.Other)}, true
	}
	if e, ok := errors.AsType[*release.DamagedError](err); ok {
		return []string{damagedHint(e)}, true
	}
	return nil, false
}

func damagedHint(e *release.DamagedError) string {
	if strings.Contains(e.Name, "/.otactl/log/") {
		return "devices were left alone. Put the entry back from a backup of the server; docs/FORMAT.md, The change log, says what it holds"
	}
	return "somebody changed it by hand; devices were left alone"
}

// onOrder advises on what came before what.
func onOrder(command string, err error) (hints []string, ok bool) {
	if e, ok := errors.AsType[*release.OrderError](err); ok {
		return []string{orderHint(command, e)}, true
	}
	if e, ok := errors.AsType[*release.LayoutError](err); ok {
		return []string{layoutHint(command, e)}, true
	}
	if e, ok := errors.AsType[*release.RolledBackError](err); ok {
		return []string{fmt.Sprintf("to send devices to it all the same: otactl activate %s", e.Tag)}, true
	}
	if _, ok := errors.AsType[*release.UnknownBeforeError](err); ok {
		return []string{"name the release: otactl rollback TAG; otactl list shows those that are there"}, true
	}
	if _, ok := errors.AsType[*release.PointerError](err); ok {
		return []string{"name the release: otactl rollback TAG or otactl activate TAG; otactl list shows those that are there"}, true
	}
	if _, ok := errors.AsType[*release.ProtectedError](err); ok {
		return []string{"nothing was removed"}, true
	}
	if _, ok := errors.AsType[*release.BusyError](err); ok {
		return []string{"otactl log shows what the others did; then run it again"}, true
	}
	return nil, false
}

func orderHint(command string, e *release.OrderError) string {
	higher := e.Tag.Compare(e.Live) > 0
	switch {
	case command == "publish":
		return "devices go wherever version points, down too; if they shall: --allow-downgrade"
	case higher:
		return fmt.Sprintf("to go forward: otactl activate %s", e.Tag)
	}
	return fmt.Sprintf("to go back: otactl rollback %s", e.Tag)
}

func layoutHint(command string, e *release.LayoutError) string {
	hint := "devices have their layout baked in; "
	if command == "publish" {
		hint += fmt.Sprintf("publish with --layout %s, or, ", e.LiveKind)
	}
	return hint + "if all of them were changed: --allow-layout-change"
}

func presentHint(e *release.AbsentError) string {
	if len(e.Present) == 0 {
		return "no release is there"
	}
	hint := "releases that are there: " + strings.Join(e.Present, " ")
	if e.Live != "" {
		hint += " (devices run " + showTag(e.Live) + ")"
	}
	return hint
}

func projectsHint(e *release.NoProjectError) string {
	if len(e.Present) == 0 {
		return "no project is there; is this the right target?"
	}
	return "projects that are there: " + strings.Join(e.Present, " ")
}

// showTag shows the text of a pointer: quoted unless it is a tag, because it may be anything.
func showTag(text string) string {
	if text == "" {
		return "none"
	}
	if _, err := layout.ParseTag(text); err != nil {
		return fmt.Sprintf("%q", text)
	}
	return text
}
