package source

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// endless is a file that grows as fast as it is read.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 1<<20 {
		return 0, errors.New("read on and on")
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestReadStopsAtTheLimit(t *testing.T) {
	var limit *LimitError
	e := &endless{}
	if _, err := (folder{path: "d"}).readAll(e, "a", 10, 1000); !errors.As(err, &limit) || limit.Path != "d/a" || e.read != 1001 {
		t.Errorf("%d bytes were read: %v", e.read, err)
	}
	if _, err := (folder{path: "d"}).readAll(e, "a", 1001, 1000); !errors.As(err, &limit) || e.read != 1001 {
		t.Errorf("a file that says itself that it is too large was read: %v", err)
	}
}

// A pipe that takes the place of a file between the look at it and its opening does not block.
func TestOpenDoesNotWait(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := openFolder("", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	opened := make(chan io.Closer, 1)
	go func() {
		f, err := d.open("pipe")
		if err != nil {
			t.Error(err)
		}
		opened <- f
	}()
	select {
	case f := <-opened:
		f.Close()
	case <-time.After(20 * time.Second):
		w, err := os.OpenFile("pipe", os.O_RDWR, 0) // lets the other end go
		t.Fatal("blocked", w, err)
	}
}
