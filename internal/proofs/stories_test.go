package proofs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/otactl/otactl/internal/release"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/prune"
	"github.com/otactl/otactl/publish"
	"github.com/otactl/otactl/rollback"
	"github.com/otactl/otactl/store"
)

// A story is a project over some days: each step is done by somebody, one day after the one before.
type story struct {
	t   *testing.T
	s   store.Store
	dir string
	day int
}

func newStory(t *testing.T) *story {
	dir := t.TempDir()
	s := openLocal(t, dir)
	t.Cleanup(func() { s.Close() })
	return &story{t: t, s: s, dir: dir, day: 1}
}

// publish returns what a publish came to; change alters the request.
func (y *story) publish(text string, change ...func(*publish.Request)) (publish.Outcome, error) {
	y.t.Helper()
	y.day++
	r := request(y.t, layout.Prefix, text, y.day)
	for _, c := range change {
		c(&r)
	}
	result, err := publish.Run(y.t.Context(), y.s, r)
	return result.Outcome, err
}

func (y *story) rollback(text string) (string, error) {
	y.t.Helper()
	y.day++
	r := rollback.Request{Project: project, Who: on(y.day)}
	if text != "" {
		r.Tag = tag(y.t, text)
	}
	result, err := rollback.Run(y.t.Context(), y.s, r)
	return result.Tag.String(), err
}

func (y *story) activate(text string) (string, error) {
	y.t.Helper()
	y.day++
	result, err := rollback.Activate(y.t.Context(), y.s, rollback.Request{Project: project, Tag: tag(y.t, text), Who: on(y.day)})
	return result.Tag.String(), err
}

func (y *story) prune(keep int, tags ...string) (string, error) {
	y.t.Helper()
	y.day++
	r := prune.Request{Project: project, Keep: keep, Who: on(y.day)}
	for _, text := range tags {
		r.Tags = append(r.Tags, tag(y.t, text))
	}
	result, err := prune.Run(y.t.Context(), y.s, r)
	return fmt.Sprint(result.Pruned), err
}

// live checks what devices see.
func (y *story) live(want string) {
	y.t.Helper()
	wantLive(y.t, y.s, layout.Prefix, want)
}

// ok checks that a step came to what it should.
func ok[T comparable](t *testing.T, want T) func(T, error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
}

// refused checks that a step was refused by an error of the same type as want.
func refused[T any](t *testing.T, want error) func(T, error) {
	t.Helper()
	return func(_ T, err error) {
		t.Helper()
		target := reflect.New(reflect.TypeOf(want)).Interface()
		if err == nil || !errors.As(err, target) {
			t.Errorf("got error %v, want %T", err, want)
		}
	}
}

func TestPublishAgain(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.0.0"))
	ok(t, publish.Already)(y.publish("v1.0.0"))
	ok(t, publish.Published)(y.publish("v1.1.0"))
	ok(t, publish.Superseded)(y.publish("v1.0.0"))
	y.live("v1.1.0")
	other := func(r *publish.Request) { r.Set = set(map[string]string{"boot.py": "# other\n"}) }
	refused[publish.Outcome](t, &release.BytesError{})(y.publish("v1.0.0", other))
	refused[publish.Outcome](t, &release.BytesError{})(y.publish("v1.1.0", other))
	y.live("v1.1.0")
}

// A job that runs again after a rollback must not put the bad release back.
func TestPublishAfterRollback(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.0.0"))
	ok(t, publish.Published)(y.publish("v1.1.0"))
	ok(t, "v1.0.0")(y.rollback(""))
	refused[publish.Outcome](t, &release.RolledBackError{})(y.publish("v1.1.0"))
	y.live("v1.0.0")
	ok(t, "v1.1.0")(y.activate("v1.1.0"))
	y.live("v1.1.0")
	ok(t, publish.Already)(y.publish("v1.1.0"))
}

// The same for a release that was made by hand: it has no manifest, and must not get a second life with one.
func TestPublishHandMadeAfterRollback(t *testing.T) {
	y := newStory(t)
	objects := releases(layout.Prefix, "v1.0.0", "v1.1.0")
	all := append(objects["v1.0.0"], objects["v1.1.0"]...)
	if err := y.s.Create(t.Context(), append(all, store.Object{Name: project.Pointer(), Data: []byte("v1.1.0")})); err != nil {
		t.Fatal(err)
	}
	refused[string](t, &release.UnknownBeforeError{})(y.rollback(""))
	ok(t, "v1.0.0")(y.rollback("v1.0.0"))
	y.live("v1.0.0")
	refused[publish.Outcome](t, &release.RolledBackError{})(y.publish("v1.1.0"))
	refused[publish.Outcome](t, &release.SpellingError{})(y.publish("1.1.0"))
	y.live("v1.0.0")
	ok(t, publish.Staged)(y.publish("v1.0.0")) // it gets its manifest
	ok(t, publish.Already)(y.publish("v1.0.0"))
}

func TestOrder(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.9.9"))
	ok(t, publish.Published)(y.publish("v1.10.0"))
	refused[publish.Outcome](t, &release.OrderError{})(y.publish("v1.9.10"))
	refused[publish.Outcome](t, &release.OrderError{})(y.publish("v1.10.0-rc.1"))
	refused[publish.Outcome](t, &release.SpellingError{})(y.publish("1.10.0"))
	refused[string](t, &release.OrderError{})(y.activate("v1.9.9"))
	ok(t, "v1.9.9")(y.rollback("v1.9.9"))
	refused[string](t, &release.OrderError{})(y.rollback("v1.10.0"))
	refused[string](t, &release.AbsentError{})(y.rollback("v2.0.0"))
	ok(t, "v1.9.9")(y.rollback("v1.9.9"))
	ok(t, publish.Published)(y.publish("v1.5.0", func(r *publish.Request) { r.AllowDowngrade = true }))
	y.live("v1.5.0")
	ok(t, "v1.9.9")(y.rollback("")) // the one that was live before, although it is higher
}

func TestPrereleaseInAnotherCase(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.0.0-RC1"))
	ok(t, publish.Published)(y.publish("v1.0.0"))
	refused[publish.Outcome](t, &release.SpellingError{})(y.publish("v1.0.0-rc1"))
	refused[publish.Outcome](t, &release.SpellingError{})(y.publish("1.0.0-Rc1"))
}

// A bare rollback is an undo: it does not go to and fro between the last two.
func TestBareRollback(t *testing.T) {
	y := newStory(t)
	for _, text := range []string{"v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0"} {
		ok(t, publish.Published)(y.publish(text))
	}
	ok(t, "v1.2.0")(y.rollback(""))
	ok(t, "v1.1.0")(y.rollback(""))
	ok(t, "v1.3.0")(y.activate("v1.3.0"))
	ok(t, "v1.1.0")(y.rollback(""))
	ok(t, "v1.0.0")(y.rollback(""))
	refused[string](t, &release.UnknownBeforeError{})(y.rollback(""))
	y.live("v1.0.0")
}

func TestStaged(t *testing.T) {
	y := newStory(t)
	stage := func(r *publish.Request) { r.NoActivate = true }
	ok(t, publish.Published)(y.publish("v1.0.0"))
	ok(t, publish.Staged)(y.publish("v1.1.0", stage))
	ok(t, publish.Already)(y.publish("v1.1.0", stage))
	y.live("v1.0.0")
	ok(t, publish.Published)(y.publish("v1.1.0"))
	ok(t, publish.Staged)(y.publish("v1.2.0", stage))
	ok(t, "v1.2.0")(y.activate("v1.2.0"))
	y.live("v1.2.0")
}

func TestLayoutChange(t *testing.T) {
	y := newStory(t)
	directory := func(r *publish.Request) { r.Kind = layout.Directory }
	ok(t, publish.Published)(y.publish("v1.0.0"))
	refused[publish.Outcome](t, &release.LayoutError{})(y.publish("v1.1.0", directory))
	ok(t, publish.Published)(y.publish("v1.1.0", directory, func(r *publish.Request) { r.AllowLayoutChange = true }))
	wantLive(t, y.s, layout.Directory, "v1.1.0")
	refused[string](t, &release.LayoutError{})(y.rollback("v1.0.0"))
}

func TestPrune(t *testing.T) {
	y := newStory(t)
	for _, text := range []string{"v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0"} {
		ok(t, publish.Published)(y.publish(text))
	}
	refused[string](t, &release.ProtectedError{})(y.prune(0, "v1.4.0")) // live
	refused[string](t, &release.ProtectedError{})(y.prune(0, "v1.3.0")) // where a rollback would go
	refused[string](t, &release.AbsentError{})(y.prune(0, "v9.0.0"))
	ok(t, "[v1.1.0]")(y.prune(0, "v1.1.0"))
	ok(t, "[]")(y.prune(0, "v1.1.0")) // again is safe
	ok(t, "[v1.0.0]")(y.prune(3))
	ok(t, "[]")(y.prune(3))
	refused[publish.Outcome](t, &release.PrunedError{})(y.publish("v1.1.0"))
	refused[string](t, &release.PrunedError{})(y.rollback("v1.0.0"))
	ok(t, "v1.3.0")(y.rollback(""))
	ok(t, "v1.2.0")(y.rollback("")) // v1.1.0, which is between, is gone
	refused[string](t, &release.UnknownBeforeError{})(y.rollback(""))
	y.live("v1.2.0")
}

// What was live within a day may still be on its way to devices.
func TestPruneProtectsADay(t *testing.T) {
	y := newStory(t)
	for _, text := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
		ok(t, publish.Published)(y.publish(text))
	}
	y.day -= 2 // prune on the day on which v1.1.0 replaced v1.0.0
	refused[string](t, &release.ProtectedError{})(y.prune(0, "v1.0.0"))
	y.day += 2
	ok(t, "[v1.0.0]")(y.prune(0, "v1.0.0"))
}

// Hand-made releases have no manifest; the newest of them are kept all the same.
func TestPruneHandMade(t *testing.T) {
	y := newStory(t)
	tags := []string{"v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0"}
	var all []store.Object
	for _, objects := range releases(layout.Prefix, tags...) {
		all = append(all, objects...)
	}
	if err := y.s.Create(t.Context(), append(all, store.Object{Name: project.Pointer(), Data: []byte("v1.3.0\n")})); err != nil {
		t.Fatal(err)
	}
	ok(t, "[v1.0.0 v1.1.0]")(y.prune(2))
	refused[string](t, &release.PrunedError{})(y.rollback("v1.1.0"))
	ok(t, "v1.2.0")(y.rollback("v1.2.0"))
}

// An unfinished release is somebody's publish: only its name prunes it.
func TestPruneUnfinished(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.0.0"))
	ok(t, publish.Published)(y.publish("v1.1.0"))
	files := releases(layout.Prefix, "v1.2.0")["v1.2.0"]
	if err := y.s.Create(t.Context(), files[:1]); err != nil {
		t.Fatal(err)
	}
	refused[string](t, &release.UnfinishedError{})(y.activate("v1.2.0"))
	ok(t, "[]")(y.prune(2))
	ok(t, "[v1.2.0]")(y.prune(0, "v1.2.0"))
	refused[publish.Outcome](t, &release.PrunedError{})(y.publish("v1.2.0"))
}

// A release that is all there, and whose publish has not come to its log entry, is somebody's publish too.
func TestPruneUncommitted(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.0.0"))
	ok(t, publish.Published)(y.publish("v1.1.0"))
	ok(t, publish.Published)(y.publish("v1.2.0"))
	m := set(content("v1.3.0")).Manifest(project, tag(t, "v1.3.0"), layout.Prefix)
	objects := append(releases(layout.Prefix, "v1.3.0")["v1.3.0"], store.Object{Name: project.Manifest(m.Tag), Data: m.Bytes()})
	if err := y.s.Create(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	ok(t, "[v1.0.0]")(y.prune(1))
	ok(t, publish.Published)(y.publish("v1.3.0"))
	y.live("v1.3.0")
}

// A server root that was copied without its dot folders has lost its log, and not its releases.
func TestPruneWithoutLog(t *testing.T) {
	y := newStory(t)
	for _, text := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
		ok(t, publish.Published)(y.publish(text))
	}
	if err := os.RemoveAll(filepath.Join(y.dir, string(project), ".otactl")); err != nil {
		t.Fatal(err)
	}
	ok(t, "[v1.0.0]")(y.prune(2))
	ok(t, publish.Published)(y.publish("v1.3.0"))
	ok(t, "[v1.1.0]")(y.prune(1)) // v1.2.0 is where a rollback goes
	y.live("v1.3.0")
}

// An unfinished release can only be completed with its own bytes, and a refusal leaves it as it was.
func TestUnfinishedWithOtherBytes(t *testing.T) {
	y := newStory(t)
	ok(t, publish.Published)(y.publish("v1.0.0"))
	files := releases(layout.Prefix, "v1.1.0")["v1.1.0"]
	if err := y.s.Create(t.Context(), files[:1]); err != nil {
		t.Fatal(err)
	}
	before, err := y.s.List(t.Context(), string(project))
	if err != nil {
		t.Fatal(err)
	}
	refused[publish.Outcome](t, &release.BytesError{})(y.publish("v1.1.0", func(r *publish.Request) {
		other := content("v1.1.0")
		for name, text := range other {
			other[name] = "X" + text[1:] // the same size
		}
		r.Set = set(other)
	}))
	after, err := y.s.List(t.Context(), string(project))
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("a refusal changed %v to %v, %v", before, after, err)
	}
	ok(t, publish.Published)(y.publish("v1.1.0"))
}

// A pointer that people wrote by hand is no reason to send devices nowhere.
func TestPointerByHand(t *testing.T) {
	y := newStory(t)
	if err := y.s.Create(t.Context(), []store.Object{{Name: project.Pointer(), Data: []byte("latest\n")}}); err != nil {
		t.Fatal(err)
	}
	refused[string](t, &release.PointerError{})(y.rollback(""))
	refused[publish.Outcome](t, &release.StrictError{})(y.publish("v1.0.0", func(r *publish.Request) { r.Strict = true }))
	ok(t, publish.Published)(y.publish("v1.0.0"))
	y.live("v1.0.0")
}
