package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pkg/sftp"

	"github.com/otactl/otactl/store/posix"
)

// An answer is on its way.
type answer struct {
	s      *session
	packet chan []byte
}

// wait returns what follows the id of the answer if it is of this kind. A STATUS instead of it is an error.
func (a *answer) wait(kind byte) (*fields, error) {
	var packet []byte
	select {
	case packet = <-a.packet:
	case <-a.s.gone:
		select { // it may have come before the end
		case packet = <-a.packet:
		default:
			return nil, a.s.cause
		}
	}
	f := &fields{rest: packet[5:]}
	if packet[0] == ansStatus {
		err := status(f.uint32(), f)
		if err == nil && kind != ansStatus {
			err = errNoValue
		}
		if f.short && err == nil {
			err = errNoSense
		}
		return f, err
	}
	if packet[0] != kind {
		return nil, errNoSense
	}
	return f, nil
}

var errNoSense = &hostileError{"the server sent a packet that makes no sense"}

// done waits for an answer without a value.
func (a *answer) done() error {
	_, err := a.wait(ansStatus)
	return err
}

// handle waits for the handle of what was opened.
func (a *answer) handle() (string, error) {
	f, err := a.wait(ansHandle)
	if err != nil {
		return "", err
	}
	return f.string(), f.err()
}

// data waits for what was read; errEnd if there is no more.
func (a *answer) data() (string, error) {
	f, err := a.wait(packetData)
	if err != nil {
		return "", err
	}
	return f.string(), f.err()
}

// info waits for attributes.
func (a *answer) info() (posix.Info, error) {
	f, err := a.wait(ansAttrs)
	if err != nil {
		return posix.Info{}, err
	}
	return f.info(""), f.err()
}

// names waits for a part of a listing; errEnd if there is no more.
func (a *answer) names() (infos []posix.Info, err error) {
	f, err := a.wait(packetName)
	if err != nil {
		return nil, err
	}
	for n := f.uint32(); n > 0 && !f.short; n-- {
		name := f.string()
		f.string() // the same for people
		info := f.info(path.Base(name))
		if name != "." && name != ".." {
			infos = append(infos, info)
		}
	}
	return infos, f.err()
}

// fields are read one after the other. Behind the end everything is 0.
type fields struct {
	rest  []byte
	short bool
}

func (f *fields) take(n uint32) []byte {
	if uint64(len(f.rest)) < uint64(n) {
		f.rest, f.short = nil, true
		return nil
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) uint64() uint64 { return uint64(f.uint32())<<32 | uint64(f.uint32()) }

func (f *fields) string() string { return string(f.take(f.uint32())) }

func (f *fields) err() error {
	if f.short {
		return errNoSense
	}
	return nil
}

// info reads attributes.
func (f *fields) info(name string) posix.Info {
	info := posix.Info{Name: name, NoPerm: true}
	flags := f.uint32()
	if flags&attrSize != 0 {
		info.Size = int64(f.uint64())
	}
	if flags&attrOwner != 0 {
		f.uint64()
	}
	if flags&attrPermissions != 0 {
		mode := f.uint32()
		info.Mode, info.NoPerm = (&sftp.FileStat{Mode: mode}).FileMode(), mode == 0
	}
	if flags&attrTimes != 0 {
		f.uint32()
		info.ModTime = time.Unix(int64(f.uint32()), 0)
	}
	if flags&attrExtended != 0 {
		for n := f.uint32(); n > 0 && !f.short; n-- {
			f.string()
			f.string()
		}
	}
	return info
}

// errEnd is what the server says at the end of a file or of a listing. It is not io.EOF: a connection that ends is that, too.
var errEnd = errors.New("there is no more")

// A statusError is what a server says that it could not do.
type statusError struct {
	code uint32
	text string
}

func (e *statusError) Error() string {
	name, ok := statusNames[e.code]
	if !ok {
		name = fmt.Sprintf("status %d", e.code)
	}
	return fmt.Sprintf("sftp: %q (%s)", e.text, name)
}

var statusNames = map[uint32]string{
	statusFailure: "SSH_FX_FAILURE", statusBadMessage: "SSH_FX_BAD_MESSAGE", statusUnsupported: "SSH_FX_OP_UNSUPPORTED",
}

// status is the error that a code stands for.
func status(code uint32, f *fields) error {
	switch code {
	case 0:
		return nil
	case 1:
		return errEnd
	case 2:
		return fs.ErrNotExist
	case 3:
		return fs.ErrPermission
	}
	return &statusError{code, f.string()}
}
