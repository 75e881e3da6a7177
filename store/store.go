// Package store defines what a release needs from the place where devices fetch it.
//
// A Store is not a file system. It has the few verbs whose guarantees a release stands on: objects that are created once
// and never change, and one pointer for each project that changes last, in one step, by a numbered and claimed commit.
// What may go wrong in between is the business of the backends; that the pointer comes after the objects is the business
// of the verbs (package publish and its neighbours). Nothing here knows what a tag or a manifest is.
//
// Names are relative to the server root, with slashes, valid by [fs.ValidPath]; the first segment is the project. What a
// store lists or reads is as hostile as the server that it came from.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// An Object is something to be created: small by nature (a file for a microcontroller), so its bytes are in memory.
type Object struct {
	Name string
	Data []byte
}

// An Entry is something that a store lists.
type Entry struct {
	Name string // the last segment of its path
	Dir  bool
	Size int64 // bytes; 0 for a folder
}

// A Commit is a numbered change of a project (docs/FORMAT.md, The change log).
type Commit struct {
	Project string // the project's folder
	Seq     int    // the number to claim: one more than the last one that the plan was made on
	Entry   []byte // what the log says of the change
	Old     []byte // what the pointer must hold; nil: it must be absent
	Next    []byte // what it will hold; nil: it stays as it is

	// Objects are created with the change, as by [Store.Create]. They are sent while the change is still being planned, so
	// whoever knows that some are there already calls Create before.
	Objects []Object
	// Plan, unless it is nil, is called once, while what nobody sees is being prepared, and sets Entry and Next, which must
	// not be nil then. Nothing is changed before it has returned nil; if it fails, its error is that of the commit.
	Plan func(ctx context.Context, c *Commit) error
}

// Pointer is the name of the object that devices poll.
func (c Commit) Pointer() string { return path.Join(c.Project, "version") }

// Claim is the folder of change number seq.
func (c Commit) Claim(seq int) string {
	return path.Join(c.Project, ".otactl/log", fmt.Sprintf("%08d", seq))
}

// A Store is one server root. It is safe for concurrent use, and reads that do not depend on each other overlap.
type Store interface {
	// Create adds objects of one project. When it returns nil, all of them are there and as durable as the backend can make
	// them, and the last one was added only after all others were there. An object that exists with the same content is
	// left alone; one with other content is left alone too and reported by a *ConflictError. ErrChanged says that
	// somebody else removed what was being prepared, which takes an hour; plan again. After any error some objects may have
	// been added, each of them complete, and never the last one beside a conflict.
	Create(ctx context.Context, objects []Object) error

	// Commit claims number c.Seq in the project's log and then, if asked to, sets the pointer from c.Old to c.Next in one
	// step, after c.Objects are there. Of many callers one wins the number; the others get ErrChanged, the pointer and the
	// log were not changed, and they plan again. After ErrFenced the number is ours but the pointer was not changed by us and
	// never will be. After an *UnknownError nobody knows. After any other error the pointer was not changed by us and never
	// will be. An earlier claim cannot take effect once a later one has begun to change the pointer.
	Commit(ctx context.Context, c Commit) error

	// Read returns an object. Its errors are fs.ErrNotExist, or *TooLargeError for one of more than max bytes.
	Read(ctx context.Context, name string, max int64) ([]byte, error)

	// Size returns the size of an object in bytes. Its error is fs.ErrNotExist for what is not there or is not a file.
	Size(ctx context.Context, name string) (int64, error)

	// List returns what is directly in a folder, in the order of names. A folder that does not exist is empty. Names are as
	// the server gave them, except that those which could not be used as one segment of a path are left out.
	List(ctx context.Context, dir string) ([]Entry, error)

	// Remove removes objects, in this order where it matters: the last one only after all others are gone. One that does
	// not exist is no error. Folders that become empty vanish.
	Remove(ctx context.Context, names []string) error

	Close() error
}

// A Sweeper can tell what interrupted runs have left behind from what is in use.
type Sweeper interface {
	// Sweep removes what was being prepared in a project more than an hour ago by the server's clock, and returns its names.
	Sweep(ctx context.Context, project string) ([]string, error)
}

var (
	// ErrChanged says that somebody else changed the project since it was read.
	ErrChanged = errors.New("the project was changed by somebody else")
	// ErrFenced says that a later change came between our claim and our change of the pointer.
	ErrFenced = errors.New("a later change came first")
)

// A ConflictError reports objects that exist with other content. They were left alone.
type ConflictError struct{ Names []string }

func (e *ConflictError) Error() string {
	if len(e.Names) == 1 {
		return fmt.Sprintf("%q exists with different content", e.Names[0])
	}
	return fmt.Sprintf("%q and %d more exist with different content", e.Names[0], len(e.Names)-1)
}

// A TooLargeError reports an object that is larger than anybody who knows the format would make it.
type TooLargeError struct {
	Name string
	Max  int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%q is larger than %d bytes", e.Name, e.Max)
}

// An UnknownError says that the pointer may or may not have been changed: the connection was lost at that moment, and
// could not be made again to look.
type UnknownError struct{ Err error }

func (e *UnknownError) Error() string { return e.Err.Error() }
func (e *UnknownError) Unwrap() error { return e.Err }

// A ConnError says that the target could not be reached or that the connection to it was lost. Trying again may help.
type ConnError struct {
	Target string
	Err    error
}

func (e *ConnError) Error() string { return e.Target + ": " + e.Err.Error() }
func (e *ConnError) Unwrap() error { return e.Err }

// A RefusedError says that the target refused: who we are, whom it claims to be, what we want to do there, or that it
// cannot do what a release needs. Trying again does not help.
type RefusedError struct {
	Target string
	Err    error
}

func (e *RefusedError) Error() string { return e.Target + ": " + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// ValidSegment reports whether name can be one segment of a path: what a server lists may be anything.
func ValidSegment(name string) bool {
	if name == "." || !fs.ValidPath(name) {
		return false
	}
	for _, r := range name {
		if r == '/' || r == '\\' || r < ' ' || r == 0x7f {
			return false
		}
	}
	return true
}
