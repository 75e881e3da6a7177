package sftp

import (
	"context"
	"errors"
	"fmt"
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
	return early(ctx, f, "read", name, func(s *session) ([]byte, error) {
		stat := s.send(reqStat, f.abs(name))
		file, err := f.openOwn(ctx, s, name, openRead)
		if err == nil {
			defer f.leaveOpen(file)
		}
		info, statErr := stat.info()
		if err := errors.Join(statErr, err); err != nil {
			return nil, err
		}
		if !info.Mode.IsRegular() {
			return nil, errors.New("not a regular file")
		}
		if info.Size < 0 || info.Size > limit {
			return nil, &store.TooLargeError{Name: name, Max: limit}
		}
		return readAll(ctx, file, name, info.Size, limit)
	})
}

// readAll reads a file that probably has size bytes and must not have more than limit.
func readAll(ctx context.Context, file *handle, name string, size, limit int64) ([]byte, error) {
	var answers []*answer
	for at := int64(0); at < size; at += chunk {
		answers = append(answers, file.read(at, min(chunk, size-at)))
	}
	behind := file.read(size, 1)
	data := make([]byte, 0, min(size, maxHint))
	for i, a := range answers {
		piece, err := a.data()
		if err != nil && !errors.Is(err, errEnd) {
			return nil, err
		}
		if want := min(chunk, size-int64(i)*chunk); int64(len(piece)) != want {
			piece = piece[:min(int64(len(piece)), want)]
			return readRest(ctx, file, name, append(data, piece...), limit)
		}
		data = append(data, piece...)
	}
	if more, _ := behind.data(); len(more) == 0 { // an error has come already, or comes again when the rest is read
		return data, nil
	}
	return readRest(ctx, file, name, data, limit)
}

// maxHint is how much memory a file gets because of its size alone, in bytes.
const maxHint = 16 << 20

// readRest reads on behind what is known of a file that is not as long as it was said to be, or whose server gives less at
// a time than it was asked for.
func readRest(ctx context.Context, file *handle, name string, data []byte, limit int64) ([]byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		size := min(chunk-1, limit-int64(len(data))) + 1
		next, err := file.read(int64(len(data)), size).data()
		if errors.Is(err, errEnd) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		data = append(data, next[:min(int64(len(next)), size)]...)
		if int64(len(data)) > limit {
			return nil, &store.TooLargeError{Name: name, Max: limit}
		}
	}
}

// ReadDir returns what is in a folder. Names are as the server gave them, up to their last slash. Two trips for about 1,600
// names, three for 10,000: OPENDIR, then many READDIRs at once, until one says that there is no more.
func (f *FS) ReadDir(ctx context.Context, name string) ([]posix.Info, error) {
	return early(ctx, f, "list", name, func(s *session) ([]posix.Info, error) {
		defer s.guard.list()()
		dir, err := f.enterOwn(ctx, s, func() (string, error) { return s.send(reqOpendir, f.abs(name)).handle() })
		if err != nil {
			return nil, err
		}
		defer f.leaveOpen(dir)
		return listAll(ctx, dir)
	})
}

func listAll(ctx context.Context, dir *handle) (all []posix.Info, err error) {
	for n := 16; ; n = min(4*n, 256) {
		answers := make([]*answer, n)
		for i := range answers {
			answers[i] = dir.s.send(reqReaddir, dir.name)
		}
		for _, a := range answers {
			infos, err := a.names()
			all = append(all, infos...)
			if errors.Is(err, errEnd) {
				return all, nil
			}
			if err != nil {
				return nil, err
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
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
