package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"
)

var _ posix.FS = (*FS)(nil)

func TestWrite(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		large := bytes.Repeat([]byte("0123456789abcde\n"), 10_000) // 5 chunks
		try(t, f.Write(ctx, "a", 0o644, []byte("text")))
		try(t, f.Write(ctx, "empty", 0o640, nil))
		try(t, f.Write(ctx, "large", 0o644, large))
		wantFile(t, filepath.Join(dir, "a"), "text", 0o644)
		wantFile(t, filepath.Join(dir, "empty"), "", 0o640)
		wantFile(t, filepath.Join(dir, "large"), string(large), 0o644)

		wantIs(t, f.Write(ctx, "a", 0o600, []byte("other")), fs.ErrExist)
		wantFile(t, filepath.Join(dir, "a"), "text", 0o644)
		wantIs(t, f.Write(ctx, "absent/a", 0o600, nil), fs.ErrNotExist)
	})
}

func TestWriteReportsProgress(t *testing.T) {
	var n atomic.Int64
	dir := t.TempDir()
	f := connect(t, openssh(t, dir), Options{Root: dir, Written: func(more int64) { n.Add(more) }})
	try(t, f.Write(t.Context(), "a", 0o644, make([]byte, 100_000)))
	if n.Load() != 100_000 {
		t.Errorf("%d bytes", n.Load())
	}
}

func TestFolders(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		try(t, f.Mkdir(ctx, "d", 0o755))
		wantIs(t, f.Mkdir(ctx, "d", 0o700), fs.ErrExist)
		wantIs(t, f.Mkdir(ctx, "absent/d", 0o700), fs.ErrNotExist)
		info, err := f.Stat(ctx, "d")
		try(t, err)
		if info.Mode != fs.ModeDir|0o755 || info.Name != "d" {
			t.Errorf("%+v", info)
		}
		try(t, f.Chmod(ctx, "d", 0o750))
		info, err = f.Lstat(ctx, "d")
		try(t, err)
		if info.Mode != fs.ModeDir|0o750 {
			t.Errorf("%+v", info)
		}
		try(t, f.Sync(ctx, ".", "d"))

		write(t, filepath.Join(dir, "d/a"), "text")
		if err := f.Remove(ctx, "d"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a folder that is not empty: %v", err)
		}
		try(t, f.Remove(ctx, "d/a"))
		try(t, f.Remove(ctx, "d"))
		wantAbsent(t, filepath.Join(dir, "d"))
		wantIs(t, f.Remove(ctx, "d"), fs.ErrNotExist)
		wantIs(t, f.Remove(ctx, "d/a"), fs.ErrNotExist)

		try(t, os.Mkdir(filepath.Join(dir, "foreign"), 0o700))
		try(t, f.Remove(ctx, "foreign"))
	})
}

func TestPlaceFile(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		try(t, f.Write(ctx, "a", 0o644, []byte("a")))
		try(t, f.Write(ctx, "b", 0o644, []byte("b")))
		try(t, f.Place(ctx, "a", "final"))
		wantFile(t, filepath.Join(dir, "final"), "a", 0o644)
		wantIs(t, f.Place(ctx, "b", "final"), fs.ErrExist)
		wantFile(t, filepath.Join(dir, "final"), "a", 0o644)
		wantIs(t, f.Place(ctx, "absent", "other"), fs.ErrNotExist)
		try(t, os.Symlink("nowhere", filepath.Join(dir, "link")))
		wantIs(t, f.Place(ctx, "b", "link"), fs.ErrExist)
	})
}

func TestPlaceFolder(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		for i := range 2 { // one that this FS has made, and one that it has not
			tmp, claim := fmt.Sprintf("tmp.%d", i), fmt.Sprintf("%08d", i)
			if i == 0 {
				try(t, f.Mkdir(ctx, tmp, 0o750))
			} else {
				try(t, os.Mkdir(filepath.Join(dir, tmp), 0o750))
			}
			try(t, f.Write(ctx, tmp+"/entry", 0o640, []byte("ours")))
			try(t, os.Mkdir(filepath.Join(dir, "taken"), 0o700))
			write(t, filepath.Join(dir, "taken/entry"), "theirs")
			wantIs(t, f.Place(ctx, tmp, "taken"), fs.ErrExist)
			wantFile(t, filepath.Join(dir, "taken/entry"), "theirs", 0o600)
			try(t, os.RemoveAll(filepath.Join(dir, "taken")))

			try(t, f.Place(ctx, tmp, claim))
			wantFile(t, filepath.Join(dir, claim, "entry"), "ours", 0o640)
			wantAbsent(t, filepath.Join(dir, tmp))
		}
	})
}

func TestReplace(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		try(t, f.Write(ctx, "version", 0o644, []byte("v1\n")))
		try(t, f.Write(ctx, "next", 0o644, []byte("v2\n")))
		try(t, f.Replace(ctx, "next", "version"))
		wantFile(t, filepath.Join(dir, "version"), "v2\n", 0o644)
		wantAbsent(t, filepath.Join(dir, "next"))
		wantIs(t, f.Replace(ctx, "next", "version"), fs.ErrNotExist)
		wantFile(t, filepath.Join(dir, "version"), "v2\n", 0o644)
	})
}

func TestInvalidNames(t *testing.T) {
	f := connect(t, openssh(t, t.TempDir()), Options{Root: "."})
	for _, name := range []string{"", "..", "a/../../b", "/etc", "a//b"} {
		wantIs(t, f.Write(t.Context(), name, 0o644, nil), fs.ErrInvalid)
	}
}

func TestCheckRefuses(t *testing.T) {
	dir := t.TempDir()
	f := connect(t, openssh(t, dir, "-P", "posix-rename"), Options{Root: dir})
	var refused *store.RefusedError
	err := f.Check(t.Context(), ".")
	if !errors.As(err, &refused) || !errors.Is(err, errNoReplace) {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(dir, "version"), "v1\n")
	write(t, filepath.Join(dir, "next"), "v2\n")
	wantIs(t, f.Replace(t.Context(), "next", "version"), errNoReplace)
	wantFile(t, filepath.Join(dir, "version"), "v1\n", 0o600)
	if left, err := f.ReadDir(t.Context(), "."); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}

// advertise makes pkg/sftp's server, whose plain RENAME overwrites, know only these extensions.
func advertise(t *testing.T, extensions ...string) {
	t.Helper()
	try(t, sftp.SetSFTPExtensions(extensions...))
	t.Cleanup(func() {
		try(t, sftp.SetSFTPExtensions("hardlink@openssh.com", "posix-rename@openssh.com", "statvfs@openssh.com"))
	})
}

func TestPlaceNeedsAServerThatRefuses(t *testing.T) {
	advertise(t, "posix-rename@openssh.com")
	dir := t.TempDir()
	f := connect(t, pure(t, dir), Options{Root: "."})
	write(t, filepath.Join(dir, "final"), "theirs")
	write(t, filepath.Join(dir, "tmp"), "ours")
	for range 2 { // before it is known what the server does, and after
		wantIs(t, f.Place(t.Context(), "tmp", "final"), errNoPlace)
		wantIs(t, f.Check(t.Context(), "."), errNoPlace)
	}
	wantFile(t, filepath.Join(dir, "final"), "theirs", 0o600)
}

func TestReplaceByPlainRename(t *testing.T) {
	advertise(t, "hardlink@openssh.com")
	dir := t.TempDir()
	f := connect(t, pure(t, dir), Options{Root: "."})
	write(t, filepath.Join(dir, "version"), "v1\n")
	write(t, filepath.Join(dir, "next"), "v2\n")
	wantIs(t, f.Replace(t.Context(), "next", "version"), errNoReplace) // not known yet
	wantFile(t, filepath.Join(dir, "version"), "v1\n", 0o600)
	try(t, f.Check(t.Context(), "."))
	try(t, f.Replace(t.Context(), "next", "version"))
	wantFile(t, filepath.Join(dir, "version"), "v2\n", 0o600)
}

func TestCheckAdvertised(t *testing.T) {
	f := connect(t, openssh(t, t.TempDir()), Options{Root: "."})
	try(t, f.Check(t.Context(), "absent")) // needs no look
}

func TestPermission(t *testing.T) {
	testserver.NeedRoot(t)
	dir := t.TempDir()
	try(t, os.Chmod(dir, 0o755))
	for parent := dir; parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		try(t, os.Chmod(parent, 0o755))
	}
	f := connect(t, asNobody(t, dir), Options{Root: dir})
	for _, err := range []error{
		f.Write(t.Context(), "a", 0o644, nil),
		f.Mkdir(t.Context(), "d", 0o755),
		f.Chmod(t.Context(), ".", 0o777),
	} {
		var refused *store.RefusedError
		if !errors.As(err, &refused) || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	dir := testserver.SmallDisk(t, 256<<10)
	f := connect(t, openssh(t, dir), Options{Root: dir})
	err := f.Write(t.Context(), "large", 0o644, make([]byte, 1<<20))
	var refused *store.RefusedError
	if !errors.As(err, &refused) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if want := `test: write "large": no space left on device`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// A server with 20 handles can hold as much as any other, only slower.
func TestFewHandles(t *testing.T) {
	s := testserver.Sshd(t, testserver.SshdOptions{Subsystem: testserver.SFTPServerPath(t), OpenFiles: 25})
	f := dial(t, s, Config{})
	var g errgroup.Group
	for i := range 100 {
		g.Go(func() error { return f.Write(t.Context(), fmt.Sprintf("f%d", i), 0o644, []byte("text")) })
	}
	try(t, g.Wait())
	for i := range 100 {
		g.Go(func() error {
			_, err := f.Read(t.Context(), fmt.Sprintf("f%d", i), 100)
			return err
		})
		g.Go(func() error {
			_, err := f.ReadDir(t.Context(), ".")
			return err
		})
		g.Go(func() error {
			err := f.Write(t.Context(), fmt.Sprintf("f%d", i), 0o644, nil)
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			return fmt.Errorf("a name that is taken: %w", err)
		})
	}
	try(t, g.Wait())
	f.gate.mu.Lock()
	defer f.gate.mu.Unlock()
	if f.gate.limit >= parallel || f.gate.limit < 5 {
		t.Errorf("the bound is %d", f.gate.limit)
	}
}
