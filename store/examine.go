package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// A Detail is what is there under a name, as it is.
type Detail struct {
	Name    string      // the last segment, as the server gave it
	Size    int64       // bytes
	Mode    fs.FileMode // its type and, unless NoPerm is set, its permissions
	ModTime time.Time   // by the server's clock
	NoPerm  bool        // the server tells no permissions
}

// An Examiner can look more closely at what is there than those need who only add to it: to verify it.
type Examiner interface {
	// Look tells what is there under a name; a symbolic link is not followed. Its error is fs.ErrNotExist.
	Look(ctx context.Context, name string) (Detail, error)
	// LookInto tells what is directly in a folder, in the order of names; no link is followed, and nothing is left out. A
	// folder that does not exist is empty.
	LookInto(ctx context.Context, dir string) ([]Detail, error)
	// Stream passes the content of an object on to w, in pieces, so that it takes little memory however large the object is.
	// The object is a file and has size bytes, or the error is ErrShort or *TooLargeError. After an error w got some
	// of it, and may still be getting some: nobody should look at it.
	Stream(ctx context.Context, name string, size int64, w io.Writer) error
}

// ErrShort says that an object ended too early.
var ErrShort = errors.New("it is shorter than it was just now")
