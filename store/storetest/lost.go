package storetest

import (
	"context"
	"sync/atomic"

	"github.com/otactl/otactl/store/posix"
)

// A LostFS is a folder tree whose connection is lost. It implements [posix.FS].
type LostFS struct {
	tapped
	looks atomic.Int64
}

// Lost makes a folder tree whose connection is lost after n calls that only look: every later one fails.
func Lost(tree posix.FS, n int) *LostFS {
	f := &LostFS{}
	f.tapped = tapped{
		FS:    tree,
		write: func(ctx context.Context, s step) error { return s.run(ctx) },
		look: func() error {
			if f.looks.Add(1) > int64(n) {
				return lost()
			}
			return nil
		},
	}
	return f
}

// Looks is the number of calls so far that only look.
func (f *LostFS) Looks() int { return int(f.looks.Load()) }
