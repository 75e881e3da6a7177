package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
)

// checkPointer looks at the file that devices poll.
func (v *verifier) checkPointer(ctx context.Context) error {
	name := v.Project.Pointer()
	detail, there := v.tree[v.rel(name)]
	if there {
		v.fits(nil, name, detail)
	}
	last := v.last
	live, isTag := v.state.LiveTag()
	switch {
	case v.state.Pointer == nil && last != nil && last.To != "" && !there:
		what := fmt.Sprintf("is missing: change %d left %s in it", last.Seq, show(last.To))
		v.differ(nil, Difference{Name: name, Tag: parsed(last.To), Kind: Pointer, What: what})
	case v.state.Pointer == nil:
	case !isTag:
		v.differ(nil, Difference{Name: name, Kind: Pointer, What: fmt.Sprintf("holds %q, which is not a tag", v.state.Live)})
	default:
		v.checkForm(live)
		return v.checkLive(ctx, live)
	}
	return nil
}

// checkForm notes what is unusual about a pointer that devices understand.
func (v *verifier) checkForm(live layout.Tag) {
	if name := v.Project.Pointer(); !bytes.Equal(v.state.Pointer, layout.PointerContent(live)) {
		v.note(name, fmt.Sprintf("holds %q, and not just the tag and a line feed: it was made by hand", v.state.Pointer))
	}
	if last := v.last; last != nil && last.To != v.state.Live && last.From != v.state.Live {
		what := fmt.Sprintf("names %s, and change %d left %s in it: it was changed by hand", live, last.Seq, show(last.To))
		v.note(v.Project.Pointer(), what)
	}
}

// checkLive sees whether the live release is there. If it is one of those that are verified, that was seen already.
func (v *verifier) checkLive(ctx context.Context, live layout.Tag) error {
	wrong := func(format string, args ...any) {
		what := fmt.Sprintf("names %s, ", live) + fmt.Sprintf(format, args...)
		v.differ(nil, Difference{Name: v.Project.Pointer(), Kind: Pointer, What: what})
	}
	if v.tombs[live.String()] {
		wrong("which was pruned")
		return nil
	}
	if slices.ContainsFunc(v.releases, func(l *looked) bool { return l.Tag.String() == live.String() }) {
		return nil
	}
	if !v.isRelease(live) {
		wrong("and there is no such release")
		return nil
	}
	r, err := v.state.Release(ctx, live)
	var damaged *release.DamagedError
	switch {
	case errors.As(err, &damaged):
		wrong("whose manifest is damaged: %v", damaged.Err)
	case errors.Is(err, fs.ErrPermission):
		wrong("whose manifest cannot be read by this account")
	case err != nil:
		return err
	case len(r.Missing) > 0:
		wrong("which is not whole: %s is missing, or has another size", r.Missing[0])
	}
	return nil
}

// unreadablePointer finds out whether the state of a project could not be read because of its pointer.
func (v *verifier) unreadablePointer(ctx context.Context, cause error) error {
	name := v.Project.Pointer()
	detail, err := v.examiner.Look(ctx, name)
	if err != nil {
		return cause
	}
	var large *store.TooLargeError
	_, err = v.store.Read(ctx, name, layout.MaxTag+1)
	switch {
	case !detail.Mode.IsRegular():
		v.fits(nil, name, detail)
	case errors.As(cause, &large) && large.Name == name:
		v.differ(nil, Difference{Name: name, Kind: Pointer, What: fmt.Sprintf("has %d bytes, more than any tag", detail.Size)})
	case errors.Is(err, fs.ErrPermission):
		v.differ(nil, Difference{Name: name, Kind: Unreadable, What: forbidden})
	default:
		return cause
	}
	return nil
}

func parsed(text string) layout.Tag {
	t, _ := layout.ParseTag(text) // the zero tag if it is none
	return t
}

// show is the text of a pointer in a message: quoted unless it is a tag, because it may be anything.
func show(text string) string {
	if parsed(text).IsZero() {
		return fmt.Sprintf("%q", text)
	}
	return text
}
