package storetest

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/local"
	"github.com/otactl/otactl/store/posix"
)

func folder(t *testing.T) func(*testing.T) posix.FS {
	dir := t.TempDir()
	return func(t *testing.T) posix.FS {
		f, err := local.Open(dir, local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

// TestFaulty stops the second of three writes in every way.
func TestFaulty(t *testing.T) {
	for _, test := range []struct {
		when   When
		kind   Kind
		second string // what is in the second file; "-" if it is absent
		third  bool
	}{
		{Before, Dies, "-", false},
		{Before, FailsOnce, "-", true},
		{After, Dies, "1234", false},
		{After, FailsOnce, "1234", true},
		{Torn, Dies, "12", false},
		{Torn, FailsOnce, "12", true},
	} {
		t.Run(string(test.when)+" "+string(test.kind), func(t *testing.T) {
			tree := session(t, folder(t))
			f := Faulty(tree, 2, test.when, test.kind)
			for i, name := range []string{"1", "2", "3"} {
				err := f.Write(t.Context(), name, 0o644, []byte("1234"))
				if ok := i == 0 || i == 2 && test.third; ok != (err == nil) {
					t.Errorf("write %s: %v", name, err)
				}
			}
			if _, err := f.Stat(t.Context(), "1"); (err == nil) != test.third {
				t.Errorf("stat: %v", err)
			}
			for name, want := range map[string]string{"1": "1234", "2": test.second, "3": map[bool]string{true: "1234", false: "-"}[test.third]} {
				data, err := tree.Read(t.Context(), name, 100)
				if errors.Is(err, fs.ErrNotExist) {
					data = []byte("-")
				}
				if string(data) != want {
					t.Errorf("%s holds %q, want %q", name, data, want)
				}
			}
			if want := map[bool]int{true: 3, false: 2}[test.third]; f.Count() != want || f.Fault() == "" {
				t.Errorf("counted %d, want %d; fault %q", f.Count(), want, f.Fault())
			}
		})
	}
}

// TestTornIsForWrites lets other steps pass.
func TestTornIsForWrites(t *testing.T) {
	f := Faulty(session(t, folder(t)), 1, Torn, Dies)
	if err := f.Mkdir(t.Context(), "demo", 0o755); err != nil || f.Fault() != "" {
		t.Errorf("mkdir: %v, %q", err, f.Fault())
	}
}

// TestEveryFault counts how often a step is stopped that is stopped in every way.
func TestEveryFault(t *testing.T) {
	nothing := func(*testing.T, store.Store) {}
	n := EveryFault(t, folder, Scenario{
		Act:   func(ctx context.Context, s store.Store) error { return s.Remove(ctx, []string{"a", "b", "c"}) },
		Check: nothing,
		Done:  nothing,
	})
	if n != 3*2*2 { // three names, Before and After, Dies and FailsOnce
		t.Errorf("%d faults", n)
	}
}

func TestDevice(t *testing.T) {
	releases := Releases{"v1.0.0": {object("demo/v1.0.0_a", "a"), object("demo/v1.0.0_b", "b")}}
	for name, test := range map[string]struct {
		objects []store.Object
		tag     string
		ok      bool
	}{
		"nothing":      {nil, "", true},
		"whole":        {[]store.Object{object("demo/version", "v1.0.0\n"), releases["v1.0.0"][0], releases["v1.0.0"][1]}, "v1.0.0", true},
		"absent file":  {[]store.Object{object("demo/version", "v1.0.0\n"), releases["v1.0.0"][0]}, "", false},
		"torn file":    {[]store.Object{object("demo/version", "v1.0.0\n"), releases["v1.0.0"][0], object("demo/v1.0.0_b", "")}, "", false},
		"empty":        {[]store.Object{object("demo/version", "")}, "", false},
		"no line feed": {[]store.Object{object("demo/version", "v1.0.0")}, "", false},
		"two lines":    {[]store.Object{object("demo/version", "v1.0.0\nv1.0.0\n")}, "", false},
		"unknown tag":  {[]store.Object{object("demo/version", "v1.0.1\n")}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := one(t, Stores(folder))
			create(t, s, test.objects...)
			tag, err := Device(FetchStore(t.Context(), s), "demo", releases)
			if tag != test.tag || (err == nil) != test.ok {
				t.Errorf("got %q, %v", tag, err)
			}
		})
	}
}
