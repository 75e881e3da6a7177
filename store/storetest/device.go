package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/otactl/otactl/store"
)

// Releases says what devices fetch of each tag: the objects with their full names.
type Releases map[string][]store.Object

// A Fetch gets one file of a server root. Its error matches fs.ErrNotExist for what is not there.
type Fetch func(name string) ([]byte, error)

// FetchStore fetches through a store.
func FetchStore(ctx context.Context, s store.Store) Fetch {
	return func(name string) ([]byte, error) { return s.Read(ctx, name, 64<<20) }
}

// FetchFS fetches from a folder.
func FetchFS(root fs.FS) Fetch {
	return func(name string) ([]byte, error) { return fs.ReadFile(root, name) }
}

// Device does what a device does in an update: it reads the pointer of a project, and then all files of the tag that stands
// there. It returns that tag, "" if there is no pointer, and an error unless the pointer is one line with a known tag and
// all files are there with all of their bytes.
func Device(fetch Fetch, project string, releases Releases) (tag string, err error) {
	name := project + "/version"
	live, err := fetch(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, ok := bytes.CutSuffix(live, []byte("\n"))
	files, known := releases[string(text)]
	if !ok || !known {
		return "", fmt.Errorf("%s holds %s", name, brief(live))
	}
	for _, o := range files {
		data, err := fetch(o.Name)
		if err != nil {
			return "", fmt.Errorf("%s is live: %w", text, err)
		}
		if !bytes.Equal(data, o.Data) {
			return "", fmt.Errorf("%s is live: %s holds %s, want %s", text, o.Name, brief(data), brief(o.Data))
		}
	}
	return string(text), nil
}
