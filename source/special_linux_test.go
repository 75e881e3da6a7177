package source_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/source"
)

// A build server publishes no secret because somebody added a link to the repository.
func TestLinks(t *testing.T) {
	in(t, "main.py", "x=1\n", "src/lib/a.py", "x=1\n", "secret/credentials", "s3cret")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	link(t, "/proc/self/environ", "boot.py")
	link(t, "main.py", "same.py")
	link(t, "/proc/self", "proc")
	link(t, "lib/a.py", "src/b.py")
	link(t, "lib", "src/again")
	t.Run("followed inside", func(t *testing.T) {
		wantText(t, "file", collect(source.Options{}, "same.py"), "same.py")
		wantText(t, "folder", collect(source.Options{}, "src"), "again/a.py b.py lib/a.py")
		wantText(t, "-C", collect(source.Options{Dir: "src"}, "again", "b.py"), "again/a.py b.py")
	})
	link(t, "../secret", "src/out")
	link(t, "../main.py", "src/c.py")
	link(t, filepath.Join(here, "src/lib/a.py"), "src/d.py")
	link(t, "../src", "src/loop")
	link(t, "nowhere", "src/gone.py")
	for _, test := range []struct{ what, got, want string }{
		{"file", collect(source.Options{}, "boot.py"), "boot.py: a symbolic link that is absolute or leads out of the folder ."},
		{"-C", collect(source.Options{Dir: "."}, "boot.py"), "boot.py: a symbolic link that is absolute or leads out of the folder ."},
		{"-C below", collect(source.Options{Dir: "src"}, "out/credentials"), "src/out/credentials: a symbolic link that is absolute or leads out of the folder src"},
		{"--flat", collect(source.Options{Flat: true}, "src/c.py"), "src/c.py: a symbolic link that is absolute or leads out of the folder src"},
		{"folder", collect(source.Options{}, "proc"), "proc: a symbolic link that is absolute or leads out of the folder ."},
		{"folder/", collect(source.Options{}, "proc/"), "proc: a symbolic link that is absolute or leads out of the folder ."},
		{"through a folder", collect(source.Options{Flat: true}, "proc/environ"), "proc: a symbolic link that is absolute or leads out of the folder ."},
		{"-C is a link", collect(source.Options{Dir: "proc"}, "environ"), "proc: a symbolic link that is absolute or leads out of the folder ."},
		{"Base", collect(source.Options{Base: here}, "boot.py"), here + "/boot.py: a symbolic link that is absolute or leads out of the folder " + here},
		{"no link", collect(source.Options{Flat: true}, "/proc/self/environ"), "open /proc/self/environ: changed while it was read, or has no size of its own"},
		{"tree", collect(source.Options{}, "src"), strings.Join([]string{
			"src/c.py: a symbolic link that is absolute or leads out of the folder src",
			"src/d.py: a symbolic link that is absolute or leads out of the folder src",
			"open src/gone.py: no such file or directory",
			"src/loop: a symbolic link that is absolute or leads out of the folder src",
			"src/out: a symbolic link that is absolute or leads out of the folder src",
		}, "\n")},
	} {
		wantText(t, test.what, test.got, test.want)
	}
}

func TestLinkLoops(t *testing.T) {
	in(t, "src/lib/a.py", "x=1\n")
	link(t, "..", "src/lib/up")
	link(t, "self", "src/self")
	link(t, "/proc/self/environ", "src/.otaignore")
	wantText(t, ".otaignore", collect(source.Options{}, "src"), "src/.otaignore: a symbolic link that is absolute or leads out of the folder src")
	write(t, "other/lib/a.py", "x=1\n")
	link(t, "..", "other/lib/up")
	link(t, "self", "other/self")
	wantText(t, "loops", collect(source.Options{}, "other"),
		"other/lib/up: not a regular file but a symbolic link to a folder that it is in\nopen other/self: too many levels of symbolic links")
}

// Folders that link to each other make a tree that has no end in sight.
func TestEndlessTree(t *testing.T) {
	in(t)
	for i := range 8 {
		for j := range 8 {
			if err := os.MkdirAll(fmt.Sprintf("tree/%d", i), 0o755); err != nil {
				t.Fatal(err)
			}
			link(t, fmt.Sprintf("../%d", i+1), fmt.Sprintf("tree/%d/%d", i, j))
		}
	}
	write(t, "tree/8/a.txt", "")
	got := collect(source.Options{}, "tree")
	if lines := strings.Split(got, "\n"); len(lines) > 2000 || !strings.HasPrefix(lines[len(lines)-1], "more than 500 files") {
		t.Errorf("%d lines, the last is %s", len(lines), lines[len(lines)-1])
	}
	if err := os.Remove("tree/8/a.txt"); err != nil {
		t.Fatal(err)
	}
	wantText(t, "no files", collect(source.Options{}, "tree"), "tree: more than 2000 files and folders")
}

// Nothing but regular files is opened: a pipe without a writer would block for ever.
func TestNotRegular(t *testing.T) {
	in(t, "d/a.py", "x=1\n")
	if err := syscall.Mkfifo("d/pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", "d/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan bool)
	go func() {
		defer close(done)
		wantText(t, "tree", collect(source.Options{}, "d"), "d/pipe: not a regular file but a named pipe\nd/socket: not a regular file but a socket")
		wantText(t, "file", collect(source.Options{Dir: "d"}, "pipe"), "d/pipe: not a regular file but a named pipe")
		wantText(t, "no name yet", collect(source.Options{}, "d/pipe"), "d/pipe: not a regular file but a named pipe")
		wantText(t, "device", collect(source.Options{Flat: true}, "/dev/zero", "/dev/tty"),
			"/dev/zero: not a regular file but a device\n/dev/tty: not a regular file but a device")
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("blocked")
	}
}

func TestUnreadable(t *testing.T) {
	in(t, "d/a.py", "x=1\n", "d/b.py", "x=1\n", "d/sub/c.py", "x=1\n", "e/.otaignore", "", "e/a.py", "x=1\n")
	for _, name := range []string{"d/a.py", "d/sub", "e/.otaignore"} {
		if err := os.Chmod(name, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod("d/sub", 0o755) })
	var one, all, ignore string
	asNobody(t, func() {
		one = collect(source.Options{Dir: "d"}, "a.py")
		all = collect(source.Options{}, "d")
		ignore = collect(source.Options{}, "e")
	})
	wantText(t, "one", one, "open d/a.py: permission denied")
	wantText(t, "all", all, "open d/a.py: permission denied\nopen d/sub: permission denied")
	wantText(t, ".otaignore", ignore, "open e/.otaignore: permission denied")
}

// asNobody runs f with the file permissions of an ordinary user: root may read everything.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(here, 0o755), os.Chmod(filepath.Dir(here), 0o755)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		// The thread is not unlocked, so it ends with the goroutine, and its other uid with it.
		runtime.LockOSThread()
		_, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		if errno == 0 {
			f()
		}
		done <- nil
	}()
	<-done
}

// A file that grows faster than it is read must not fill the memory, and half of a file that shrinks is no file.
func TestChanging(t *testing.T) {
	in(t, "log.txt", "")
	stop, stopped := make(chan bool), make(chan bool)
	f, err := os.OpenFile("log.txt", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				f.Write(make([]byte, 1<<16))
				if i%64 == 63 {
					f.Truncate(0)
				}
			}
		}
	}()
	changed := 0
	for deadline := time.Now().Add(20 * time.Second); changed < 5 && time.Now().Before(deadline); {
		if _, err := source.Collect([]string{"log.txt"}, source.Options{}); err != nil {
			var pathError *fs.PathError
			if !errors.As(err, &pathError) || !strings.HasPrefix(err.Error(), "open log.txt: changed while it was read") {
				t.Fatal(err)
			}
			changed++
		}
	}
	close(stop)
	<-stopped
	if changed == 0 {
		t.Error("no change was noticed")
	}
}
