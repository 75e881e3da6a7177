package s3

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// Remove implements store.Store. There are no folders: what is in none is gone.
func (s *Store) Remove(ctx context.Context, names []string) error {
	return lastLast(ctx, names, s.removeOne)
}

func (s *Store) removeOne(ctx context.Context, name string) error {
	err := s.ask(ctx, http.MethodDelete, func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, s.target.Bucket, s.key(name), minio.RemoveObjectOptions{})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.explain(ctx, "remove", name, err)
}
