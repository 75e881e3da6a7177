package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// RunPosix checks that a folder tree keeps the contracts of [posix.FS], and that the store on it keeps its own wherever it
// is stopped or paused.
func RunPosix(t *testing.T, fresh Fresh[posix.FS]) {
	t.Run("FS", func(t *testing.T) { testFS(t, fresh) })
	t.Run("Modes", func(t *testing.T) { Modes(t, fresh) })
	t.Run("Again", func(t *testing.T) { testUntouched(t, fresh) })
	t.Run("Hostile", func(t *testing.T) { testHostile(t, fresh) })
	t.Run("Faults", func(t *testing.T) { Faults(t, fresh) })
	t.Run("Paused", func(t *testing.T) { testPaused(t, fresh) })
	t.Run("Swept", func(t *testing.T) { testSwept(t, fresh) })
	t.Run("Try", func(t *testing.T) { testTry(t, fresh) })
	t.Run("FenceAgainstFlip", func(t *testing.T) { testFenceAgainstFlip(t, fresh) })
}

// Modes checks the modes of all that a store makes. Run it under several umasks.
func Modes(t *testing.T, fresh Fresh[posix.FS]) {
	tree := session(t, fresh(t))
	s := posix.New(tree)
	objects := append(release("v1.0.0", 3, "data"), object("demo/v1.0.0/lib/util.py", "x"), object("demo/.otactl/pruned/v0.1.0", "x"))
	create(t, s, objects...)
	first, second := mustCommit(t, s, "v1.0.0\n"), mustCommit(t, s, "v1.0.1\n")

	want := map[string]fs.FileMode{
		"demo": fs.ModeDir | 0o755, "demo/v1.0.0": fs.ModeDir | 0o755, "demo/v1.0.0/lib": fs.ModeDir | 0o755,
		"demo/.otactl": fs.ModeDir | 0o750, "demo/.otactl/log": fs.ModeDir | 0o750, "demo/.otactl/pruned": fs.ModeDir | 0o750,
		"demo/.otactl/pruned/v0.1.0": 0o640, first.Claim(first.Seq) + "/entry": 0o640, second.Claim(second.Seq) + "/entry": 0o640,
		"demo/version": 0o644,
	}
	for _, o := range objects {
		if !strings.Contains(o.Name, "/.otactl/") {
			want[o.Name] = 0o644
		}
	}
	for name, mode := range want {
		info, err := tree.Lstat(t.Context(), name)
		if err != nil || info.Mode != mode {
			t.Errorf("%s has mode %v, %v, want %v", name, info.Mode, err, mode)
		}
	}
}

// testUntouched checks that what is there already is not even written again: devices are reading it.
func testUntouched(t *testing.T, fresh Fresh[posix.FS]) {
	open := fresh(t)
	s := posix.New(session(t, open))
	objects := release("v1.0.0", 5, "data")
	create(t, s, objects...)
	watched := Faulty(session(t, open), 0, Before, Dies)
	watched.write = func(ctx context.Context, st step) error {
		if !strings.Contains(st.name, "/.otactl/") {
			t.Errorf("%s, although it is there", st)
		}
		return st.run(ctx)
	}
	again := posix.New(watched)
	create(t, again, objects...)
	create(t, again, objects...)
}

// testHostile lists names that lead elsewhere or deceive a terminal. No two of them make a store fail.
func testHostile(t *testing.T, fresh Fresh[posix.FS]) {
	tree := session(t, fresh(t))
	s := posix.New(tree)
	create(t, s, object("demo/v1.0.0_a", "x"))
	for _, name := range []string{"a\nb", "a\x1b[2Jb", `a\b`, `..\..\etc`, "a\x7fb", "\xff\xfe", "a\tb", "\r"} {
		if err := tree.Write(t.Context(), "demo/"+name, 0o644, nil); err != nil {
			t.Logf("%q cannot be made here: %v", name, err)
		}
	}
	harmless := "blank and ünïcode \u202e"
	if err := tree.Write(t.Context(), "demo/"+harmless, 0o644, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := s.List(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	entries = slices.DeleteFunc(entries, func(e store.Entry) bool { return e.Name == ".otactl" })
	want := []store.Entry{{Name: harmless}, {Name: "v1.0.0_a", Size: 1}}
	if !slices.Equal(entries, want) {
		t.Errorf("list: got %+v, want %+v", entries, want)
	}
}

// Faults stops each call of a store at every step.
func Faults(t *testing.T, fresh Fresh[posix.FS]) {
	objects := release("v1.0.0", 4, "data")
	objects[1].Name = "demo/v1.0.0/lib/util.py"
	all := func(t *testing.T, s store.Store) { t.Helper(); wantContent(t, s, objects...) }
	whole := func(t *testing.T, s store.Store) { t.Helper(); wholeOrAbsent(t, s, objects) }
	t.Run("create", func(t *testing.T) {
		n := EveryFault(t, fresh, Scenario{
			Act:   func(ctx context.Context, s store.Store) error { return s.Create(ctx, objects) },
			Check: whole,
			Done:  all,
		})
		t.Logf("%d faults", n)
	})
	t.Run("remove", func(t *testing.T) { testRemoveFaults(t, fresh, objects) })
	t.Run("commit", func(t *testing.T) {
		testCommitFaults(t, fresh, func(c store.Commit) store.Commit { return c }, func(*testing.T, store.Store) {})
	})
	t.Run("planned meanwhile", func(t *testing.T) {
		testCommitFaults(t, fresh, func(c store.Commit) store.Commit { return planned(c, objects) }, func(t *testing.T, s store.Store) {
			whole(t, s)
			if live, err := pointer(t.Context(), s, "demo"); err != nil || string(live) == "v1.0.1\n" {
				all(t, s)
			}
		})
	})
}

// wholeOrAbsent checks that each object is complete if it is there, and that the last one is not there without the others.
func wholeOrAbsent(t *testing.T, s store.Store, objects []store.Object) {
	t.Helper()
	present := 0
	for _, o := range objects {
		data, err := s.Read(t.Context(), o.Name, 1<<20)
		if err == nil {
			present++
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if err == nil && !bytes.Equal(data, o.Data) {
			t.Errorf("%s holds %s", o.Name, brief(data))
		}
	}
	if _, err := s.Read(t.Context(), objects[len(objects)-1].Name, 1<<20); err == nil && present < len(objects) {
		t.Errorf("the last object is there, and %d others are not", len(objects)-present)
	}
}

// testRemoveFaults stops a removal anywhere: without the last object none is there.
func testRemoveFaults(t *testing.T, fresh Fresh[posix.FS], objects []store.Object) {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Name
	}
	none := func(t *testing.T, s store.Store) { t.Helper(); wantAbsent(t, s, names...) }
	n := EveryFault(t, fresh, Scenario{
		Setup: func(t *testing.T, s store.Store) { create(t, s, objects...) },
		Act:   func(ctx context.Context, s store.Store) error { return s.Remove(ctx, names) },
		Check: func(t *testing.T, s store.Store) {
			if _, err := s.Read(t.Context(), names[len(names)-1], 1<<20); err != nil {
				none(t, s)
			}
		},
		Done: none,
	})
	t.Logf("%d faults", n)
}

// testCommitFaults stops a commit anywhere: the pointer is the old one or the new one, and after an error that says so it
// is the old one.
func testCommitFaults(t *testing.T, fresh Fresh[posix.FS], how func(store.Commit) store.Commit, check func(*testing.T, store.Store)) {
	for name, setup := range map[string]func(*testing.T, store.Store){
		"first": nil,
		"later": func(t *testing.T, s store.Store) { mustCommit(t, s, "v1.0.0\n") },
	} {
		t.Run(name, func(t *testing.T) {
			var result error
			n := EveryFault(t, fresh, Scenario{
				Setup: setup,
				Act: func(ctx context.Context, s store.Store) error {
					var c store.Commit
					if c, result = plan(ctx, s, "v1.0.1\n"); result != nil || bytes.Equal(c.Old, c.Next) {
						return result
					}
					result = s.Commit(ctx, how(c))
					return result
				},
				Check: func(t *testing.T, s store.Store) {
					live, err := pointer(t.Context(), s, "demo")
					if text := string(live); err != nil || !slices.Contains([]string{"", "v1.0.0\n", "v1.0.1\n"}, text) {
						t.Errorf("the pointer is %q, %v", text, err)
					}
					var unknown *store.UnknownError
					if result != nil && !errors.As(result, &unknown) && string(live) == "v1.0.1\n" {
						t.Errorf("the pointer was changed, and %v does not say so", result)
					}
					check(t, s)
				},
				Done: func(t *testing.T, s store.Store) { wantContent(t, s, object("demo/version", "v1.0.1\n")) },
			})
			t.Logf("%d faults", n)
		})
	}
}

// testFS checks what [posix.FS] says of its methods and a store does not show.
func testFS(t *testing.T, fresh Fresh[posix.FS]) {
	tree := session(t, fresh(t))
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, err, target error) { t.Helper(); wantError(t, what, err, target) }
	must(tree.Mkdir(ctx, "demo", 0o755))
	must(tree.Mkdir(ctx, "umask", 0))
	must(tree.Write(ctx, "demo/a", 0o644, []byte("a")))
	must(tree.Write(ctx, "demo/b", 0o640, []byte("b")))

	want("mkdir again", tree.Mkdir(ctx, "demo", 0o755), fs.ErrExist)
	want("mkdir over a file", tree.Mkdir(ctx, "demo/a", 0o755), fs.ErrExist)
	want("mkdir below nothing", tree.Mkdir(ctx, "absent/x", 0o755), fs.ErrNotExist)
	want("write again", tree.Write(ctx, "demo/a", 0o644, []byte("other")), fs.ErrExist)
	want("write over a folder", tree.Write(ctx, "demo", 0o644, nil), fs.ErrExist)
	want("write below nothing", tree.Write(ctx, "absent/x", 0o644, nil), fs.ErrNotExist)
	want("place over a file", tree.Place(ctx, "demo/b", "demo/a"), fs.ErrExist)
	want("place over a folder", tree.Place(ctx, "demo/b", "umask"), fs.ErrExist)
	want("place nothing", tree.Place(ctx, "demo/absent", "demo/c"), fs.ErrNotExist)
	want("replace by nothing", tree.Replace(ctx, "demo/absent", "demo/a"), fs.ErrNotExist)
	want("remove nothing", tree.Remove(ctx, "demo/absent"), fs.ErrNotExist)
	want("remove below nothing", tree.Remove(ctx, "absent/absent"), fs.ErrNotExist)
	if tree.Remove(ctx, "demo") == nil {
		t.Error("a folder was removed with what is in it")
	}
	for name, content := range map[string]string{"demo/a": "a", "demo/b": "b"} {
		if data, err := tree.Read(ctx, name, 9); err != nil || string(data) != content {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}

	must(tree.Mkdir(ctx, "full", 0o755))
	must(tree.Write(ctx, "full/x", 0o644, nil))
	want("place a folder over a folder", tree.Place(ctx, "full", "demo"), fs.ErrExist)
	want("place a folder over a file", tree.Place(ctx, "full", "demo/a"), fs.ErrExist)
	must(tree.Place(ctx, "full", "demo/full"))
	want("the old name", lstat(tree, "full"), fs.ErrNotExist)
	must(lstat(tree, "demo/full/x"))
	must(tree.Replace(ctx, "demo/b", "demo/a"))
	want("the old name", lstat(tree, "demo/b"), fs.ErrNotExist)
	must(tree.Place(ctx, "demo/a", "demo/c"))
	must(tree.Chmod(ctx, "umask", 0o711))
	must(tree.Sync(ctx, ".", "demo", "umask"))
	if info, err := tree.Stat(ctx, "umask"); err != nil || info.Mode != fs.ModeDir|0o711 || info.Name != "umask" {
		t.Errorf("stat: %+v, %v", info, err)
	}
	if info, err := tree.Lstat(ctx, "demo/c"); err != nil || info.Mode != 0o640 || info.Size != 1 || info.Name != "c" || info.ModTime.IsZero() {
		t.Errorf("lstat: %+v, %v", info, err)
	}
	must(tree.Remove(ctx, "umask"))
}

func lstat(tree posix.FS, name string) error {
	_, err := tree.Lstat(context.Background(), name)
	if err != nil {
		return fmt.Errorf("lstat %q: %w", name, err)
	}
	return nil
}
