//go:build !linux

package local

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// Each file waits for the disk on its own.
const parallel = 16

// A syncer flushes each file when it is written, and folders when asked to.
type syncer struct{}

func newSyncer(*os.Root) (*syncer, error) { return &syncer{}, nil }

func (*syncer) close() error { return nil }

func (*syncer) wrote(file *os.File) error { return file.Sync() }

func (*syncer) flush(dirs []*os.File) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call for folders
	}
	for _, dir := range dirs {
		if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some network file systems sync no folders
			return err
		}
	}
	return nil
}
