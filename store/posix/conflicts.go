package posix

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/otactl/otactl/store"
)

// conflicts collects names from many goroutines.
type conflicts struct {
	mu    sync.Mutex
	names []string
}

func (c *conflicts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, name)
}

func (c *conflicts) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.names) == 0 {
		return nil
	}
	slices.Sort(c.names)
	return &store.ConflictError{Names: c.names}
}

// compare adds the object to the conflicts if what stands under its name differs from it.
func (s *Store) compare(ctx context.Context, o store.Object, info Info, c *conflicts) error {
	if !info.Mode.IsRegular() || info.Size != int64(len(o.Data)) {
		c.add(o.Name)
		return nil
	}
	data, err := s.fs.Read(ctx, o.Name, info.Size)
	var large *store.TooLargeError
	if err != nil && !errors.As(err, &large) {
		return err
	}
	if err != nil || !bytes.Equal(data, o.Data) {
		c.add(o.Name)
	}
	return nil
}
