package sftp

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/otactl/otactl/store"
	"github.com/pkg/sftp"
)

// What streams have in memory, in bytes. More than 2 MiB is never under way on one SSH channel, so a larger budget would make
// nothing faster; the rest of it lets the next files begin before the last ones have ended.
const (
	window = 1 << 20 // of one file
	budget = 8 << 20 // of all together
)

// Stream passes the content of a file on. Two trips, and one more for each further MiB: OPEN, then READs. CLOSE is not
// waited for.
func (f *FS) Stream(ctx context.Context, name string, size int64, w io.Writer) error {
	return f.do(ctx, "read", name, func(s *session) error {
		piece := max(1, min(size, window))
		if err := f.streams.Acquire(ctx, piece); err != nil {
			return err
		}
		defer f.streams.Release(piece)
		file, err := f.openFile(ctx, s, name, os.O_RDONLY)
		if err != nil {
			return err
		}
		defer f.closeLater(file)
		behind := make(chan bool, 1)
		go func() {
			n, _ := file.ReadAt(make([]byte, 1), size) // an error comes again when the rest is read
			behind <- n > 0
		}()
		err = passOn(ctx, file, size, make([]byte, piece), w)
		if <-behind && err == nil {
			err = &store.TooLargeError{Name: name, Max: size}
		}
		return err
	})
}

// passOn copies size bytes of a file.
func passOn(ctx context.Context, file *sftp.File, size int64, buf []byte, w io.Writer) error {
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := file.ReadAt(buf[:min(size-at, int64(len(buf)))], at)
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return store.ErrShort
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case n == 0:
			return errNoValue
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
