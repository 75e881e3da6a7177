package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/pkg/sftp"
)

// chunk is the most that one READ or WRITE carries.
const chunk = 32 << 10

// Read returns the content of a file. What is no regular file is refused: reading a device would never end. Two trips:
// OPEN beside STAT, then all READs at once, one of them behind the end. CLOSE is not waited for.
func (f *FS) Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	return run(ctx, f, "read", name, func(s *session) ([]byte, error) {
		stat := make(chan statResult, 1)
		go func() {
			info, err := s.stat(f.abs(name))
			stat <- statResult{info, err}
		}()
		file, err := f.openFile(ctx, s, name, os.O_RDONLY)
		if err == nil {
			defer f.closeLater(file)
		}
		found := <-stat
		if err := errors.Join(found.err, err); err != nil {
			return nil, err
		}
		size := found.info.Size()
		if !found.info.Mode().IsRegular() {
			return nil, errors.New("not a regular file")
		}
		if size < 0 || size > limit {
			return nil, &store.TooLargeError{Name: name, Max: limit}
		}
		return readAll(ctx, file, name, size, limit)
	})
}

type statResult struct {
	info fs.FileInfo
	err  error
}

// readAll reads a file that probably has size bytes and must not have more than limit.
func readAll(ctx context.Context, file *sftp.File, name string, size, limit int64) ([]byte, error) {
	data, behind := make([]byte, size), make([]byte, 1)
	more := make(chan int, 1)
	go func() {
		n, _ := file.ReadAt(behind, size) // an error comes again when the rest is read
		more <- n
	}()
	n, err := file.ReadAt(data, 0)
	grown := <-more > 0
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n == len(data) && !grown {
		return data, nil
	}
	return readRest(ctx, file, name, data[:n], limit)
}

// readRest reads on behind what is known of a file that is not as long as it was said to be, or whose server gives less at
// a time than it was asked for.
func readRest(ctx context.Context, file *sftp.File, name string, data []byte, limit int64) ([]byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next := make([]byte, min(chunk-1, limit-int64(len(data)))+1)
		n, err := file.ReadAt(next, int64(len(data)))
		data = append(data, next[:n]...)
		switch {
		case int64(len(data)) > limit:
			return nil, &store.TooLargeError{Name: name, Max: limit}
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case n == 0 && err == nil:
			return nil, errNoValue
		case n == 0:
			return data, nil
		}
	}
}

// ReadDir returns what is in a folder. Names are as the server gave them, up to their last slash. Four trips, and one
// more for each hundred names: OPENDIR, READDIR until it says that there is no more, CLOSE.
func (f *FS) ReadDir(ctx context.Context, name string) ([]posix.Info, error) {
	return run(ctx, f, "list", name, func(s *session) ([]posix.Info, error) {
		defer s.guard.list()()
		for {
			found, again, err := f.list(ctx, s, name)
			if again {
				continue
			}
			if err != nil {
				return nil, err
			}
			infos := make([]posix.Info, len(found))
			for i, info := range found {
				infos[i] = toInfo(info)
			}
			return infos, nil
		}
	})
}

// list lists a folder when the gate allows it, and says whether to do it again.
func (f *FS) list(ctx context.Context, s *session, name string) (found []fs.FileInfo, again bool, err error) {
	t, err := f.gate.enter(ctx, s)
	if err != nil {
		return nil, false, err
	}
	defer f.gate.leave()
	found, err = s.client.ReadDirContext(ctx, f.abs(name))
	return found, hasStatus(err, statusFailure) && f.gate.crowded(t), err
}

// Stat follows symbolic links. One trip.
func (f *FS) Stat(ctx context.Context, name string) (posix.Info, error) {
	return run(ctx, f, "stat", name, func(s *session) (posix.Info, error) {
		info, err := s.stat(f.abs(name))
		if err != nil {
			return posix.Info{}, err
		}
		return toInfo(info), nil
	})
}

// Lstat does not follow symbolic links. One trip.
func (f *FS) Lstat(ctx context.Context, name string) (posix.Info, error) {
	return run(ctx, f, "lstat", name, func(s *session) (posix.Info, error) {
		info, err := s.lstat(f.abs(name))
		if err != nil {
			return posix.Info{}, err
		}
		return toInfo(info), nil
	})
}

func toInfo(info fs.FileInfo) posix.Info {
	// A mode has the type of the file in it, so that it is never 0 if the server sends one.
	stat, ok := info.Sys().(*sftp.FileStat)
	return posix.Info{
		Name: info.Name(), Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime(), NoPerm: ok && stat.Mode == 0,
	}
}

// openFile opens a file when the gate allows it. One trip.
func (f *FS) openFile(ctx context.Context, s *session, name string, flags int) (*sftp.File, error) {
	for {
		t, err := f.gate.enter(ctx, s)
		if err != nil {
			return nil, err
		}
		file, err := s.openFile(f.abs(name), flags)
		if err == nil {
			return file, nil
		}
		if flags&os.O_EXCL != 0 {
			err = f.taken(s, name, err)
		}
		again := hasStatus(err, statusFailure) && f.gate.crowded(t)
		f.gate.leave()
		if !again {
			return nil, err
		}
	}
}

// closeLater closes a file and does not wait for it. Nothing depends on the answer but the number of open handles.
func (f *FS) closeLater(file *sftp.File) {
	go func() {
		defer f.gate.leave()
		if err := file.Close(); err != nil && answered(err) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.closeErr == nil {
				f.closeErr = fmt.Errorf("%s: close a file: %w", f.Target, err)
			}
		}
	}()
}
