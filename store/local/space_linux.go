package local

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/otactl/otactl/store"
)

// Space tells how much room the file system of the folder has for us.
func (f *FS) Space(ctx context.Context) (store.Space, error) {
	if err := ctx.Err(); err != nil {
		return store.Space{}, err
	}
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(f.sync.root.Fd()), &disk); err != nil {
		return store.Space{}, f.fail("statfs", ".", os.NewSyscallError("fstatfs", err))
	}
	space := store.Space{Bytes: int64(disk.Bavail) * disk.Bsize, Files: int64(disk.Ffree)}
	if disk.Files == 0 { // a file system without a fixed number of them
		space.Files = -1
	}
	return space, nil
}
