package local

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"path"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// maxHint is how much memory a file gets because of its size alone, in bytes.
const maxHint = 16 << 20

// Read returns the content of a regular file. Whatever is there, it reads at most max+1 bytes and waits for nobody.
func (f *FS) Read(ctx context.Context, name string, max int64) (data []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := f.open(name)
	if err != nil {
		return nil, f.failLook("read", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, f.failLook("read", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, f.refuse("read", name, errNotRegular)
	}
	if info.Size() > max {
		return nil, &store.TooLargeError{Name: name, Max: max}
	}
	// The size is a hint: the file may grow, and some file systems have no sizes.
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), maxHint)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(file, min(max, math.MaxInt64-1)+1)); err != nil {
		return nil, f.failLook("read", name, err)
	}
	if int64(b.Len()) > max {
		return nil, &store.TooLargeError{Name: name, Max: max}
	}
	return b.Bytes(), nil
}

// Stream passes the content of a regular file on.
func (f *FS) Stream(ctx context.Context, name string, size int64, w io.Writer) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := f.open(name)
	if err != nil {
		return f.failLook("read", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
		return f.refuse("read", name, errNotRegular)
	}
	n, err := io.Copy(w, &untilDone{ctx, io.LimitReader(file, min(size, math.MaxInt64-1)+1)})
	switch {
	case err != nil:
		return f.failLook("read", name, err)
	case n < size:
		return store.ErrShort
	case n > size:
		return &store.TooLargeError{Name: name, Max: size}
	}
	return nil
}

// untilDone reads until nobody waits any more.
type untilDone struct {
	ctx context.Context //nolint:containedctx // it lives for one call, whose own it is
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// ReadDir returns what is in a folder, as Lstat sees it. What vanishes meanwhile is left out.
func (f *FS) ReadDir(ctx context.Context, name string) (infos []posix.Info, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := f.open(name)
	if err != nil {
		return nil, f.failLook("list", name, err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, f.failLook("list", name, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, f.failLook("list", name, err)
		}
		infos = append(infos, infoOf(info))
	}
	return infos, nil
}

// Stat follows symbolic links.
func (f *FS) Stat(ctx context.Context, name string) (posix.Info, error) {
	return f.look(ctx, name, f.root.Stat)
}

// Lstat does not follow a symbolic link.
func (f *FS) Lstat(ctx context.Context, name string) (posix.Info, error) {
	return f.look(ctx, name, f.root.Lstat)
}

func (f *FS) look(ctx context.Context, name string, stat func(string) (fs.FileInfo, error)) (posix.Info, error) {
	if err := ctx.Err(); err != nil {
		return posix.Info{}, err
	}
	info, err := stat(name)
	if err != nil {
		return posix.Info{}, f.failLook("stat", name, err)
	}
	i := infoOf(info)
	i.Name = path.Base(name)
	return i, nil
}

func infoOf(i fs.FileInfo) posix.Info {
	return posix.Info{Name: i.Name(), Size: i.Size(), Mode: i.Mode(), ModTime: i.ModTime()}
}
