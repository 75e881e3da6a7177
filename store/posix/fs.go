package posix

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/otactl/otactl/store"
)

// An FS is what a folder tree must be able to do so that a [Store] can stand on it: each method is one step that either
// happens or does not, for everybody who looks. Names are as in package store. Errors match fs.ErrNotExist and
// fs.ErrExist where these words say it; an FS whose server cannot tell them apart looks before it answers.
//
// Methods are safe for concurrent use.
type FS interface {
	// Write makes a new file with this mode, whatever the umask is. It fails with fs.ErrExist if the name is taken. After an
	// error the file may be there in part, so names that matter are never written to directly.
	Write(ctx context.Context, name string, mode fs.FileMode, data []byte) error
	// Mkdir makes a new folder with this mode, whatever the umask is, or with the one that the umask leaves if mode is 0. It
	// fails with fs.ErrExist if the name is taken, and with fs.ErrNotExist if the folder that it is to stand in is not there.
	Mkdir(ctx context.Context, name string, mode fs.FileMode) error
	// Chmod sets the mode of a folder.
	Chmod(ctx context.Context, name string, mode fs.FileMode) error
	// Place gives a file or a folder that is not empty its final name. It fails with fs.ErrExist, and changes nothing, if
	// that name is taken. The old name of a file may stay as a second name of it.
	Place(ctx context.Context, old, name string) error
	// Replace gives a file the name of another, which is gone in the same step. It fails with fs.ErrNotExist if old is not
	// there.
	Replace(ctx context.Context, old, name string) error
	// Remove removes a file or an empty folder.
	Remove(ctx context.Context, name string) error
	// Sync makes durable the content of what was written directly in these folders and the names of what was placed and
	// replaced there, as far as the server can.
	Sync(ctx context.Context, dirs ...string) error

	// Read returns the content of a file; *store.TooLargeError if it has more than max bytes.
	Read(ctx context.Context, name string, max int64) ([]byte, error)
	// Stream passes the content of a file of size bytes on to w, as [store.Examiner] says.
	Stream(ctx context.Context, name string, size int64, w io.Writer) error
	// ReadDir returns what is in a folder, in any order.
	ReadDir(ctx context.Context, name string) ([]Info, error)
	// Stat follows symbolic links, Lstat does not.
	Stat(ctx context.Context, name string) (Info, error)
	Lstat(ctx context.Context, name string) (Info, error)

	// Parallel is how many calls should be under way at once.
	Parallel() int
	Close() error
}

// A Checker is an FS whose server may lack what Place or Replace needs.
type Checker interface {
	// Check makes sure that it does not, with files of its own in a temporary folder if it has to try. Its error is a
	// *store.RefusedError.
	Check(ctx context.Context, dir string) error
}

// A Pipeliner is an FS that can have steps under way which depend on each other, because its server does them in the order in
// which it is told to. Each method is the same as single steps one after the other, and takes less time.
type Pipeliner interface {
	// Fill makes a new folder, as Mkdir does with mode 0, and new files in it, as Write does. After an error nothing is under
	// way any more, and some of the files may be there.
	Fill(ctx context.Context, dir string, files []File) error
	// InOrder does steps, and returns the error of each. A step may happen although one before it has failed; one that was not
	// tried for that reason has [ErrSkipped].
	InOrder(ctx context.Context, steps ...Step) []error
	// Expect says in which folders names will be placed and replaced soon. Nothing depends on it but how long Sync takes.
	Expect(ctx context.Context, dirs ...string)
}

// A File is to be made.
type File struct {
	Name string // the last segment
	Mode fs.FileMode
	// Content is called when the file is there to be written.
	Content func(context.Context) ([]byte, error)
}

// A Step is a call of the method that Do says.
type Step struct {
	Do        Do
	Old, Name string
}

// Do is what a step does.
type Do string

// The steps that can be done in order.
const (
	Place   Do = "place"
	Replace Do = "replace"
	Remove  Do = "remove"
	Sync    Do = "sync"
)

// ErrSkipped says that a step was not tried, because one before it has failed.
var ErrSkipped = errors.New("was not tried")

// Info is what is known of a name.
type Info = store.Detail
