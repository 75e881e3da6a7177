package testserver

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// SFTPServer starts OpenSSH's sftp-server in dir, with these arguments, and returns its standard input and output.
func SFTPServer(t testing.TB, dir string, args ...string) io.ReadWriteCloser {
	t.Helper()
	cmd := exec.Command(SFTPServerPath(t), args...)
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return &pipes{out, in, p}
}

// pipes are the ends of a child's standard input and output.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
	p  *process
}

func (s *pipes) Write(b []byte) (int, error) { return s.in.Write(b) }

// Close lets the server end by itself, which it does at the end of its input; one that hangs is killed.
func (s *pipes) Close() error {
	err := s.in.Close()
	select {
	case <-s.p.done:
	case <-time.After(time.Second):
		s.p.kill()
	}
	if errors.Is(err, os.ErrClosed) { // somebody else closes it too: the test, and the session that has lost it
		return nil
	}
	return err
}
