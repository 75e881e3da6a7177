//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A watch notes what happens to the names in a folder, for whoever reads there. The kernel keeps the notes until they are asked for.
type watch struct{ fd int }

// An event is something that happened to a name.
type event struct {
	mask uint32 // of inotify(7)
	name string
}

// What a watch notes. A hard link that is made is an IN_CREATE without a write.
const (
	written = unix.IN_MODIFY | unix.IN_CLOSE_WRITE
	arrived = unix.IN_CREATE | unix.IN_MOVED_TO
	gone    = unix.IN_DELETE | unix.IN_MOVED_FROM
)

func watchFolder(dir string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, written|arrived|gone|unix.IN_ONLYDIR); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("inotify: %s: %w", dir, err)
	}
	return &watch{fd}, nil
}

// end returns what happened, in its order.
func (w *watch) end() (events []event, err error) {
	defer func() { err = errors.Join(err, unix.Close(w.fd)) }()
	buf := make([]byte, 1<<16)
	for {
		n, err := unix.Read(w.fd, buf)
		if errors.Is(err, unix.EAGAIN) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("inotify: %w", err)
		}
		for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			var e event
			e, rest = nextEvent(rest)
			if e.mask&unix.IN_Q_OVERFLOW != 0 {
				return nil, errors.New("inotify: more happened than the kernel keeps")
			}
			events = append(events, e)
		}
	}
}

// nextEvent splits off one struct inotify_event: watch, mask, cookie, length of the name, name with zeroes after it.
func nextEvent(b []byte) (e event, rest []byte) {
	size := int(binary.NativeEndian.Uint32(b[12:]))
	name, rest := b[unix.SizeofInotifyEvent:][:size], b[unix.SizeofInotifyEvent+size:]
	return event{binary.NativeEndian.Uint32(b[4:]), strings.TrimRight(string(name), "\x00")}, rest
}

// A Verdict is what a device may have met that read at the wrong moment.
type Verdict struct {
	Partial bool `json:"partial,omitempty"` // a file was written under its final name, version included
	Absent  bool `json:"absent,omitempty"`  // version was not there for a moment
	Early   bool `json:"early,omitempty"`   // a file came, or was written, after version had changed
}

// judge says what a reader of these names, and of version, may have met. All of them are there in the end.
func judge(events []event, finals []string, version string) (v Verdict) {
	changed := false // version, that is
	for _, e := range events {
		isVersion := e.name == version
		switch {
		case !isVersion && !slices.Contains(finals, e.name):
			continue
		case e.mask&gone != 0:
			v.Absent = v.Absent || isVersion
			continue
		case e.mask&written != 0:
			v.Partial = true
		}
		changed = changed || isVersion
		v.Early = v.Early || changed && !isVersion
	}
	return v
}
