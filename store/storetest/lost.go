package storetest

import (
	"context"
	"sync/atomic"

	"github.com/otactl/otactl/store/posix"
)

// Lost makes a folder tree whose connection is lost after n calls that only look: this and every later call fails.
func Lost(tree posix.FS, n int) posix.FS {
	var looks atomic.Int64
	return &tapped{
		FS:    tree,
		write: func(ctx context.Context, s step) error { return s.run(ctx) },
		look: func() error {
			if looks.Add(1) > int64(n) {
				return lost()
			}
			return nil
		},
	}
}
