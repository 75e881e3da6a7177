package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/otactl/otactl/store"
)

// Try implements store.Trier.
func (s *Store) Try(ctx context.Context, project string, _ func() time.Time) (t store.Trial, err error) {
	below, err := s.list(ctx, project, 1)
	if err != nil {
		return t, s.explain(ctx, "list", project, err)
	}
	t.Flat, t.Synced = true, true
	t.Root = store.Detail{Name: s.target.Bucket, Mode: fs.ModeDir, NoPerm: true}
	if len(below) > 0 {
		t.Project = store.Detail{Name: path.Base(project), Mode: fs.ModeDir, NoPerm: true}
	}
	x := attempt{Store: s, object: store.Object{Name: path.Join(project, ".otactl/try."+rand.Text()), Data: []byte("one\n")}}
	defer func() {
		if x.there && s.removeOne(context.WithoutCancel(ctx), x.object.Name) != nil {
			t.Left = append(t.Left, x.object.Name)
		}
	}()
	for name, do := range []func(context.Context) error{x.write, x.place, x.replace, x.claim, x.durable} {
		err := do(ctx)
		t.Steps = append(t.Steps, store.Step{Name: store.StepName(name), Err: s.explain(ctx, "try out", x.object.Name, err)})
		if err != nil && name == int(store.StepWrite) {
			return t, t.Steps[0].Err
		}
	}
	t.File = x.file
	if skew := time.Duration(s.skew.Load()); skew.Abs() > 5*time.Second { // it has seconds, and travels
		t.Skew = skew
	}
	return t, ctx.Err()
}

// An attempt is to do with one object what a publish does with many.
type attempt struct {
	*Store
	object store.Object // as it should be
	file   store.Detail
	there  bool // or may be
}

func (x *attempt) write(ctx context.Context) error {
	err := x.put(ctx, x.object, absent, map[string]string{metaWriter: "otactl"})
	if x.there = err == nil || lost(err); err != nil {
		return err
	}
	return x.stands(ctx)
}

// stands looks whether the object has the content that it should have.
func (x *attempt) stands(ctx context.Context) error {
	data, info, err := x.get(ctx, x.object.Name, 1<<10)
	if err == nil && !bytes.Equal(data, x.object.Data) {
		err = errors.New("it has other content than was written last")
	}
	x.file = detail(path.Base(x.object.Name), info)
	return err
}

func (x *attempt) place(ctx context.Context) error {
	other := store.Object{Name: x.object.Name, Data: []byte("two\n")}
	if err := x.refuses(ctx, other, absent); err != nil {
		return err
	}
	return x.stands(ctx)
}

func (x *attempt) replace(ctx context.Context) error {
	info, err := x.head(ctx, x.object.Name)
	if err != nil {
		return err
	}
	x.object.Data = []byte("three\n")
	if err := x.put(ctx, x.object, unchanged(info.ETag), map[string]string{metaWriter: "otactl"}); err != nil {
		return err
	}
	late := store.Object{Name: x.object.Name, Data: []byte("four\n")}
	if err := x.refuses(ctx, late, unchanged(info.ETag)); err != nil {
		return err
	}
	return x.stands(ctx)
}

// claim looks whether the store keeps what tells our own writes from those of others.
func (x *attempt) claim(ctx context.Context) error {
	info, err := x.head(ctx, x.object.Name)
	if err == nil && info.UserMetadata[metaWriter] != "otactl" {
		err = errors.New("the store drops user metadata (x-amz-meta-)")
	}
	return err
}

// durable is what every object store promises of a write that it has answered.
func (x *attempt) durable(context.Context) error { return nil }
