// Demo tells how a fleet of one lives with otactl: it publishes the sample project, serves it, lets a real MicroPython
// install it, update itself and undo a release that crashes, and rolls back. `make demo` runs it.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed board.py
var boardProgram []byte

func main() {
	dir, err := os.MkdirTemp("", "otactl-demo-")
	if err == nil {
		err = errors.Join(tell(os.Stdout, dir), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// A demo is a story that is told while it happens. Its first error ends it.
type demo struct {
	out       io.Writer
	repo      string // the root of this repository
	dir       string // holds all that follows
	collector net.PacketConn
	err       error
}

// tell runs the story in an empty folder. The current folder is in the repository.
func tell(out io.Writer, dir string) (err error) {
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("git rev-parse: %w", err)
	}
	collector, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, collector.Close()) }()
	d := &demo{out: out, repo: strings.TrimSpace(string(root)), dir: dir, collector: collector}
	stop := d.prepare()
	defer stop()
	d.story()
	return d.err
}

func (d *demo) story() {
	d.say("A release is published into a folder, which otactl serve serves.")
	d.otactl("publish", "v1.0.0", "boot.py", "main.py", "node.py")
	d.say("A board that has only boot.py and the client is switched on.")
	d.board()
	d.say("The next release reports the temperature more often.")
	d.edit("sleep(60)", "sleep(30)")
	d.otactl("publish", "v1.0.1", "boot.py", "main.py", "node.py")
	d.board()
	d.say("And then one that crashes. The board starts it five times, and goes back by itself.")
	d.edit("thermometer.celsius()", "thermometer.celcius()")
	d.otactl("publish", "v1.0.2", "boot.py", "main.py", "node.py")
	d.board()
	d.say("It will not try v1.0.2 again. The fleet is sent back to what works, and then further.")
	d.otactl("rollback")
	d.board()
	d.otactl("rollback")
	d.board()
}

func (d *demo) path(names ...string) string {
	return filepath.Join(append([]string{d.dir}, names...)...)
}

func (d *demo) say(text string) { d.line("\n# " + text) }

func (d *demo) line(text string) {
	if d.err == nil {
		_, d.err = fmt.Fprintln(d.out, text)
	}
}

func (d *demo) do(what func() error) {
	if d.err == nil {
		d.err = what()
	}
}

// prepare makes the folders and starts the server. What it returns stops that.
func (d *demo) prepare() (stop func()) {
	url, stop := "", func() {}
	d.do(func() error { return os.CopyFS(d.path("sample"), os.DirFS(filepath.Join(d.repo, "testdata/sample"))) })
	d.do(func() error { return os.CopyFS(d.path("flash/lib"), os.DirFS(d.path("sample/lib"))) })
	d.do(func() error { return os.Mkdir(d.path("srv"), 0o755) })
	d.do(func() error { return os.WriteFile(d.path("board.py"), boardProgram, 0o600) })
	d.do(func() error {
		build := exec.Command("go", "build", "-o", d.path("otactl"), ".")
		build.Dir, build.Stderr = d.repo, os.Stderr
		return build.Run()
	})
	d.do(func() error { return exec.Command(d.path("otactl"), "device", "install", d.path("flash")).Run() })
	d.do(func() (err error) { url, stop, err = d.serve(); return err })
	d.do(func() error {
		boot, err := os.ReadFile(d.path("sample/boot.py"))
		return errors.Join(err, os.WriteFile(d.path("flash/boot.py"), boot, 0o600))
	})
	d.do(func() error {
		port := d.collector.LocalAddr().(*net.UDPAddr).Port
		config := fmt.Sprintf("OTA_HOST = %q\nPROJECT = 'sample'\nCOLLECTOR = ('127.0.0.1', %d)\nADC_CHANNEL = 4\n", url, port)
		return os.WriteFile(d.path("flash/lib/config.py"), []byte(config), 0o600)
	})
	return stop
}

func (d *demo) serve() (url string, stop func(), err error) {
	cmd := exec.Command(d.path("otactl"), "serve", d.path("srv"), "--addr", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	log := bufio.NewReader(out)
	url, err = log.ReadString('\n')
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return strings.TrimSpace(url), func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }, err
}

// otactl runs a command on the sample project and shows it.
func (d *demo) otactl(args ...string) {
	d.line("$ otactl " + strings.Join(args, " "))
	d.do(func() error {
		cmd := exec.Command(d.path("otactl"), args...)
		cmd.Dir, cmd.Env = d.path("sample"), append(os.Environ(), "OTACTL_TO="+d.path("srv"), "OTACTL_PROJECT=sample")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("otactl: %w: %s", err, out)
		}
		_, err = d.out.Write(out)
		return err
	})
}

func (d *demo) edit(old, changed string) {
	d.do(func() error {
		text, err := os.ReadFile(d.path("sample/node.py"))
		if err != nil {
			return err
		}
		return os.WriteFile(d.path("sample/node.py"), []byte(strings.Replace(string(text), old, changed, 1)), 0o600)
	})
}

// exitReset is how board.py ends in a reset.
const exitReset = 3

// board lets the board run, through all of its resets, until it stays up for two minutes of its time.
func (d *demo) board() {
	d.do(func() error {
		told := ""
		for range 20 {
			cmd := exec.Command(filepath.Join(d.repo, ".cache/micropython/micropython"), "-X", "heapsize=128K", d.path("board.py"))
			cmd.Dir = d.path("flash")
			out, err := cmd.CombinedOutput()
			told = d.retell(string(out), told)
			exit, ended := errors.AsType[*exec.ExitError](err)
			if ended && exit.ExitCode() == exitReset {
				continue
			}
			if err != nil {
				return fmt.Errorf("board: %w: %s", err, out)
			}
			return d.report()
		}
		return errors.New("board: resets for ever")
	})
}

// retell shows what the client said, and the last line of what Python did, once if it is the same again. It returns the
// last line.
func (d *demo) retell(out, last string) string {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		isNews := strings.HasPrefix(line, "ota: ") || strings.Contains(line, "Error: ")
		if isNews && line != last {
			d.line("  board: " + strings.TrimPrefix(line, "ota: "))
			last = line
		}
	}
	return last
}

// report shows the version that the board has and the last of what it has measured.
func (d *demo) report() error {
	version, err := os.ReadFile(d.path("flash/version"))
	if err != nil {
		return err
	}
	if err := d.collector.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	packet := make([]byte, 100)
	n, _, err := d.collector.ReadFrom(packet)
	d.line(fmt.Sprintf("  board: runs %s: %s", strings.TrimSpace(string(version)), strings.TrimSpace(string(packet[:n]))))
	return err
}
