package storetest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/otactl/otactl/store"
)

func testRead(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	o := object("demo/v1.0.0_a", "12345")
	create(t, s, o, object("demo/v1.0.0_empty", ""), object("demo/v1.0.0/lib/a", "x"))

	for _, name := range []string{"demo/absent", "absent/absent", "absent", "demo/v1.0.0/lib/absent/deep"} {
		_, err := s.Read(t.Context(), name, 10)
		wantError(t, "read "+name, err, fs.ErrNotExist)
		_, err = s.Size(t.Context(), name)
		wantError(t, "size "+name, err, fs.ErrNotExist)
	}
	for _, folder := range []string{"demo", "demo/v1.0.0", "demo/v1.0.0/lib"} {
		if _, err := s.Read(t.Context(), folder, 10); err == nil {
			t.Errorf("read %q: a folder was read", folder)
		}
		_, err := s.Size(t.Context(), folder)
		wantError(t, "size "+folder, err, fs.ErrNotExist)
	}
	if _, err := s.Read(t.Context(), o.Name+"/below", 10); err == nil { // servers differ in what they call this
		t.Error("something was read below an object")
	}
	for _, max := range []int64{5, 6, 1 << 62} {
		if data, err := s.Read(t.Context(), o.Name, max); err != nil || string(data) != "12345" {
			t.Errorf("read at most %d: %q, %v", max, data, err)
		}
	}
	for _, max := range []int64{0, 1, 4} {
		data, err := s.Read(t.Context(), o.Name, max)
		var large *store.TooLargeError
		if !errors.As(err, &large) || large.Name != o.Name || large.Max != max {
			t.Errorf("read at most %d: %q, %v", max, data, err)
		}
	}
	if data, err := s.Read(t.Context(), "demo/v1.0.0_empty", 0); err != nil || len(data) != 0 {
		t.Errorf("read the empty object: %q, %v", data, err)
	}
	for name, want := range map[string]int64{o.Name: 5, "demo/v1.0.0_empty": 0} {
		if n, err := s.Size(t.Context(), name); err != nil || n != want {
			t.Errorf("size %q: %d, %v, want %d", name, n, err, want)
		}
	}
}

func testList(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	wantList(t, s, "demo")
	wantList(t, s, "demo/v1.0.0/absent")
	create(t, s,
		object("demo/v1.10.0_a", "12345"), object("demo/v1.9.0_a", "1"), object("demo/V_upper", ""),
		object("demo/v1.0.0/lib/deep/util.py", "nested"), object("demo/v1.0.0/main.py", "main"))
	wantList(t, s, "demo/v1.0.0", store.Entry{Name: "lib", Dir: true}, store.Entry{Name: "main.py", Size: 4})
	wantList(t, s, "demo/v1.0.0/lib", store.Entry{Name: "deep", Dir: true})
	if entries, _ := s.List(t.Context(), "demo/v1.9.0_a"); len(entries) > 0 { // an error is fine too
		t.Errorf("list an object: %v", entries)
	}
	wantList(t, s, "demo/v1.0") // the beginning of a name is no folder
	entries, err := s.List(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	// What a store keeps for itself may be listed too.
	entries = slices.DeleteFunc(entries, func(e store.Entry) bool { return e.Name == ".otactl" })
	want := []store.Entry{{Name: "V_upper"}, {Name: "v1.0.0", Dir: true}, {Name: "v1.10.0_a", Size: 5}, {Name: "v1.9.0_a", Size: 1}}
	if !slices.Equal(entries, want) {
		t.Errorf("list: got %v, want %v", entries, want)
	}
	testListRoot(t, s)
}

// testListRoot lists the projects, and a folder that is longer than one answer of any server.
func testListRoot(t *testing.T, s store.Store) {
	t.Helper()
	var many []store.Object
	var want []store.Entry
	for i := range 1100 {
		name := fmt.Sprintf("v1.0.0_%04d.py", i)
		many = append(many, object("many/v1/"+name, "x"))
		want = append(want, store.Entry{Name: name, Size: 1})
	}
	create(t, s, many...)
	wantList(t, s, "many/v1", want...)
	wantList(t, s, ".", store.Entry{Name: "demo", Dir: true}, store.Entry{Name: "many", Dir: true})
}

func wantList(t *testing.T, s store.Store, dir string, want ...store.Entry) {
	t.Helper()
	got, err := s.List(t.Context(), dir)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("list %q: got %v, %v, want %v", dir, got, err, want)
	}
}
