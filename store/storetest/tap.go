package storetest

import (
	"context"
	"io"
	"io/fs"

	"github.com/otactl/otactl/store/posix"
)

// A step is a call that writes.
type step struct {
	op   string // the method, in lower case
	name string // what it is about; the new name where there are two
	run  func(ctx context.Context) error
	half func(ctx context.Context) error // leaves half of the effect; nil if there is no such thing
}

func (s step) String() string { return s.op + " " + s.name }

// A tapped folder tree hands each step to whoever wants to count, stop or delay it.
type tapped struct {
	posix.FS
	write func(ctx context.Context, s step) error // makes the step, or not
	look  func() error                            // is asked before each call that only reads
}

func (f *tapped) Write(ctx context.Context, name string, mode fs.FileMode, data []byte) error {
	part := func(data []byte) func(context.Context) error {
		return func(ctx context.Context) error { return f.FS.Write(ctx, name, mode, data) }
	}
	return f.write(ctx, step{"write", name, part(data), part(data[:len(data)/2])})
}

func (f *tapped) Mkdir(ctx context.Context, name string, mode fs.FileMode) error {
	return f.write(ctx, step{op: "mkdir", name: name, run: func(ctx context.Context) error { return f.FS.Mkdir(ctx, name, mode) }})
}

func (f *tapped) Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	return f.write(ctx, step{op: "chmod", name: name, run: func(ctx context.Context) error { return f.FS.Chmod(ctx, name, mode) }})
}

func (f *tapped) Place(ctx context.Context, old, name string) error {
	return f.write(ctx, step{op: "place", name: name, run: func(ctx context.Context) error { return f.FS.Place(ctx, old, name) }})
}

func (f *tapped) Replace(ctx context.Context, old, name string) error {
	return f.write(ctx, step{op: "replace", name: name, run: func(ctx context.Context) error { return f.FS.Replace(ctx, old, name) }})
}

func (f *tapped) Remove(ctx context.Context, name string) error {
	return f.write(ctx, step{op: "remove", name: name, run: func(ctx context.Context) error { return f.FS.Remove(ctx, name) }})
}

func (f *tapped) Sync(ctx context.Context, dirs ...string) error {
	name := "nothing"
	if len(dirs) > 0 {
		name = dirs[0]
	}
	return f.write(ctx, step{op: "sync", name: name, run: func(ctx context.Context) error { return f.FS.Sync(ctx, dirs...) }})
}

// Check is a step too, if the folder tree has it: it may write files of its own.
func (f *tapped) Check(ctx context.Context, dir string) error {
	c, ok := f.FS.(posix.Checker)
	if !ok {
		return nil
	}
	return f.write(ctx, step{op: "check", name: dir, run: func(ctx context.Context) error { return c.Check(ctx, dir) }})
}

// A pipelined folder tree hands over a flight as one step.
type pipelined struct {
	*tapped
	flights posix.Pipeliner
	expect  func() // is called before each Expect
}

func (f *pipelined) Fill(ctx context.Context, dir string, files []posix.File) error {
	return f.write(ctx, step{op: "fill", name: dir, run: func(ctx context.Context) error { return f.flights.Fill(ctx, dir, files) }})
}

func (f *pipelined) InOrder(ctx context.Context, steps ...posix.Step) (errs []error) {
	_ = f.write(ctx, step{op: "in order", name: steps[0].Name, run: func(ctx context.Context) error { // it stands in errs
		errs = f.flights.InOrder(ctx, steps...)
		return nil
	}})
	return errs
}

func (f *pipelined) Expect(ctx context.Context, dirs ...string) {
	f.expect()
	f.flights.Expect(ctx, dirs...)
}

func (f *tapped) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := f.look(); err != nil {
		return nil, err
	}
	return f.FS.Read(ctx, name, max)
}

func (f *tapped) Stream(ctx context.Context, name string, size int64, w io.Writer) error {
	if err := f.look(); err != nil {
		return err
	}
	return f.FS.Stream(ctx, name, size, w)
}

func (f *tapped) ReadDir(ctx context.Context, name string) ([]posix.Info, error) {
	if err := f.look(); err != nil {
		return nil, err
	}
	return f.FS.ReadDir(ctx, name)
}

func (f *tapped) Stat(ctx context.Context, name string) (posix.Info, error) {
	if err := f.look(); err != nil {
		return posix.Info{}, err
	}
	return f.FS.Stat(ctx, name)
}

func (f *tapped) Lstat(ctx context.Context, name string) (posix.Info, error) {
	if err := f.look(); err != nil {
		return posix.Info{}, err
	}
	return f.FS.Lstat(ctx, name)
}
