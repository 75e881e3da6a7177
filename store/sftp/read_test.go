package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/otactl/otactl/store"
)

func TestRead(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 5*chunk + 3} {
			want := bytes.Repeat([]byte{'x'}, size)
			name := fmt.Sprint(size)
			write(t, filepath.Join(dir, name), string(want))
			got, err := f.Read(ctx, name, int64(size))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d: %d bytes, %v", size, len(got), err)
			}
			var large *store.TooLargeError
			if _, err := f.Read(ctx, name, int64(size)-1); size > 0 && !errors.As(err, &large) {
				t.Errorf("%d: %v", size, err)
			}
		}
		_, err := f.Read(ctx, "absent", 10)
		wantIs(t, err, fs.ErrNotExist)
	})
}

// What has no end or is no file is refused before a byte is read.
func TestReadRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		try(t, os.Symlink("/dev/zero", filepath.Join(dir, "endless")))
		try(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
		for _, name := range []string{"endless", "folder"} {
			var refused *store.RefusedError
			data, err := f.Read(t.Context(), name, 100)
			if data != nil || !errors.As(err, &refused) || err.Error() != fmt.Sprintf("test: read %q: not a regular file", name) {
				t.Errorf("%s: %q, %v", name, data, err)
			}
		}
	})
}

// A file of the proc file system says that it is empty.
func TestReadMoreThanStatSays(t *testing.T) {
	f := connect(t, openssh(t, "/"), Options{Root: "/proc"})
	want, err := os.ReadFile("/proc/version")
	try(t, err)
	got, err := f.Read(t.Context(), "version", 4096)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	var large *store.TooLargeError
	if _, err := f.Read(t.Context(), "version", 10); !errors.As(err, &large) {
		t.Error(err)
	}
}

func TestReadDir(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		want := make([]string, 250)
		for i := range want {
			want[i] = fmt.Sprintf("%03d", i)
			write(t, filepath.Join(dir, want[i]), "text")
		}
		infos, err := f.ReadDir(t.Context(), ".")
		try(t, err)
		var got []string
		for _, info := range infos {
			got = append(got, info.Name)
			if info.Size != 4 || info.Mode.Perm() != 0o600 || info.ModTime.IsZero() {
				t.Errorf("%+v", info)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		_, err = f.ReadDir(t.Context(), "absent")
		wantIs(t, err, fs.ErrNotExist)
	})
}
