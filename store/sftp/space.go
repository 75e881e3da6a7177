package sftp

import (
	"context"
	"errors"

	"github.com/otactl/otactl/store"
)

// Space tells how much room the server has for us. One trip. Its error is errors.ErrUnsupported for a server that does not
// tell.
func (f *FS) Space(ctx context.Context) (store.Space, error) {
	return run(ctx, f, "statvfs", ".", func(s *session) (store.Space, error) {
		if !s.has("statvfs@openssh.com") {
			return store.Space{}, errors.ErrUnsupported
		}
		disk, err := s.statVFS(f.Root)
		if err != nil {
			return store.Space{}, err
		}
		space := store.Space{Bytes: int64(disk.Bavail * max(disk.Frsize, 1)), Files: int64(disk.Favail)}
		if disk.Blocks == 0 {
			return store.Space{}, errors.ErrUnsupported
		}
		if disk.Files == 0 { // a file system without a fixed number of them
			space.Files = -1
		}
		return space, nil
	})
}

// Syncs reports whether the server says that it makes durable what it is asked to.
func (f *FS) Syncs() bool {
	s, err := f.current()
	return err == nil && s != nil && s.has("fsync@openssh.com")
}
