package storetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/otactl/otactl/store"
)

// testExamine checks a store that is a [store.Examiner].
func testExamine(t *testing.T, fresh Fresh[store.Store]) {
	s := one(t, fresh)
	e, ok := s.(store.Examiner)
	if !ok {
		t.Fatal("it cannot be verified what is in this store")
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 150_000) // more than two pieces of any backend
	objects := []store.Object{object("demo/v1.0.0_a", "12345"), object("demo/v1.0.0_empty", ""), {Name: "demo/v1.0.0/large", Data: large}}
	create(t, s, objects...)
	for _, o := range objects {
		size := int64(len(o.Data))
		d, err := e.Look(t.Context(), o.Name)
		if err != nil || !d.Mode.IsRegular() || d.Size != size || !strings.HasSuffix(o.Name, "/"+d.Name) {
			t.Errorf("look at %q: %+v, %v", o.Name, d, err)
		}
		testStream(t, e, o)
	}
	for _, name := range []string{"demo/absent", "absent", "demo/v1.0.0/absent/deep"} {
		_, err := e.Look(t.Context(), name)
		wantError(t, "look at "+name, err, fs.ErrNotExist)
		wantError(t, "stream "+name, e.Stream(t.Context(), name, 5, &bytes.Buffer{}), fs.ErrNotExist)
	}
	if err := e.Stream(t.Context(), "demo/v1.0.0", 5, &bytes.Buffer{}); err == nil {
		t.Error("a folder was streamed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "stream and nobody waits", e.Stream(ctx, "demo/v1.0.0/large", int64(len(large)), &bytes.Buffer{}), context.Canceled)
	testLookInto(t, e)
}

// testStream reads an object with its size, and with others.
func testStream(t *testing.T, e store.Examiner, o store.Object) {
	t.Helper()
	size := int64(len(o.Data))
	var b bytes.Buffer
	if err := e.Stream(t.Context(), o.Name, size, &b); err != nil || !bytes.Equal(b.Bytes(), o.Data) {
		t.Errorf("stream %q: %d bytes, %v", o.Name, b.Len(), err)
	}
	for _, more := range []int64{1, 1000, 3 << 20} {
		wantError(t, "stream more than there is of "+o.Name, e.Stream(t.Context(), o.Name, size+more, &bytes.Buffer{}), store.ErrShort)
	}
	if size == 0 {
		return
	}
	var large *store.TooLargeError
	if err := e.Stream(t.Context(), o.Name, size-1, &bytes.Buffer{}); !errors.As(err, &large) {
		t.Errorf("stream less than there is of %q: %v", o.Name, err)
	}
}

func testLookInto(t *testing.T, e store.Examiner) {
	t.Helper()
	if found, err := e.LookInto(t.Context(), "absent"); err != nil || len(found) > 0 {
		t.Errorf("look into a folder that is not there: %v, %v", found, err)
	}
	found, err := e.LookInto(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"v1.0.0": true, "v1.0.0_a": false, "v1.0.0_empty": false}
	last := ""
	for _, d := range found {
		dir, ok := want[d.Name]
		delete(want, d.Name)
		if ok && d.Mode.IsDir() != dir || d.Name < last {
			t.Errorf("%+v after %q", d, last)
		}
		last = d.Name
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}
