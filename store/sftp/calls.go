package sftp

import (
	"io/fs"

	"github.com/pkg/sftp"
)

// These calls are those of pkg/sftp for servers that answer "ok" where a value must come, which it takes for one.

var errNoValue = &hostileError{"the server says that it is well, and not what was asked for"}

func (s *session) stat(name string) (fs.FileInfo, error) { return whole(s.client.Stat(name)) }

func (s *session) lstat(name string) (fs.FileInfo, error) { return whole(s.client.Lstat(name)) }

func whole(info fs.FileInfo, err error) (fs.FileInfo, error) {
	if err != nil {
		return nil, err
	}
	if info == nil {
		return nil, errNoValue
	}
	if stat, ok := info.Sys().(*sftp.FileStat); !ok || stat == nil {
		return nil, errNoValue
	}
	return info, nil
}

func (s *session) openFile(name string, flags int) (*sftp.File, error) {
	file, err := s.client.OpenFile(name, flags)
	if err == nil && file == nil {
		return nil, errNoValue
	}
	return file, err
}

func (s *session) statVFS(name string) (*sftp.StatVFS, error) {
	disk, err := s.client.StatVFS(name)
	if err == nil && disk == nil {
		return nil, errNoValue
	}
	return disk, err
}
