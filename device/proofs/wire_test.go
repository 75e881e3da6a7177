package proofs

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/proofdoc"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/serve"
)

// A wire counts what passes between a board and a server.
type wire struct {
	url  string
	open sync.WaitGroup // connections

	mu     sync.Mutex
	passed traffic
}

// newWire listens for boards in front of a server.
func newWire(t testing.TB, base string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{url: "http://" + l.Addr().String()}
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
		w.open.Wait()
	})
	running.Go(func() {
		for {
			board, err := l.Accept()
			if err != nil {
				return
			}
			w.count(0, 1, 0)
			w.open.Go(func() { w.carry(board, strings.TrimPrefix(base, "http://")) })
		}
	})
	return w
}

// carry serves a connection until both sides have ended it.
func (w *wire) carry(board net.Conn, addr string) {
	defer func() { _ = board.Close() }()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var up sync.WaitGroup
	up.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := board.Read(buf)
			w.count(bytes.Count(buf[:n], []byte("GET ")), 0, 0) // a request is sent by one write
			if _, werr := server.Write(buf[:n]); err != nil || werr != nil {
				_ = server.(*net.TCPConn).CloseWrite()
				return
			}
		}
	})
	n, _ := io.Copy(board, server)
	w.count(0, 0, int(n))
	_ = board.(*net.TCPConn).CloseWrite()
	up.Wait()
}

func (w *wire) count(requests, connections, down int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed.requests += requests
	w.passed.connections += connections
	w.passed.down += down
}

// take returns what has passed, and starts again. The board must not run: it waits for connections to end.
func (w *wire) take() (passed traffic) {
	w.open.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	passed, w.passed = w.passed, traffic{}
	return passed
}

// put writes files below a folder.
func put(t testing.TB, root string, files tree) {
	t.Helper()
	(&board{dir: root}).write(t, files)
}

// servers are the web servers that people use, and how to start them.
var servers = map[string]func(t testing.TB, root string) (base string){
	"nginx":              testserver.Nginx,
	"otactl serve":       startServe,
	"python http.server": startPython,
}

func startServe(t testing.TB, dir string) string {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- serve.Run(ctx, l, root, serve.Options{Log: func(string) {}, Now: time.Now}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Log(err)
		}
		_ = root.Close()
	})
	return serve.URL(l.Addr(), false)
}

func startPython(t testing.TB, dir string) string {
	t.Helper()
	cmd := exec.Command(testserver.Need(t, "python3"), "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(line, " port ")
	port, _, _ := strings.Cut(after, " ")
	return "http://127.0.0.1:" + port
}

// A traffic is what passed.
type traffic struct{ requests, connections, down int }

// TestWire counts what an update takes in which one of ten files has changed, and a start without an update.
func TestWire(t *testing.T) {
	var mu sync.Mutex
	update, idle := map[string]traffic{}, map[string]traffic{}
	t.Run("to", func(t *testing.T) {
		for name, start := range servers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				changed, nothing := passes(t, start)
				if changed.requests > 3 || changed.connections > 1 && !closes(name) || changed.down > 6<<10 {
					t.Errorf("%v is more than 3 requests, 1 connection, 6 KB", changed)
				}
				if nothing.requests != 1 || nothing.connections != 1 {
					t.Errorf("%v is not 1 request", nothing)
				}
				mu.Lock()
				defer mu.Unlock()
				update[name], idle[name] = changed, nothing
			})
		}
	})
	table := proofdoc.Table{
		Title:   "Traffic",
		Columns: []string{"server", "one of ten files of 4 KB: requests", "connections", "bytes down", "nothing new: requests", "bytes down then"},
		Loose:   []string{"bytes down", "bytes down then"},
	}
	for _, name := range slices.Sorted(maps.Keys(update)) {
		u, i := update[name], idle[name]
		table.Rows = append(table.Rows, []string{
			name, fmt.Sprint(u.requests), fmt.Sprint(u.connections), fmt.Sprint(u.down), fmt.Sprint(i.requests), fmt.Sprint(i.down),
		})
	}
	if len(update) == len(servers) {
		table.Keep(t)
	}
}

// closes reports whether a server ends each connection after an answer, because it speaks HTTP/1.0.
func closes(server string) bool { return server == "python http.server" }

// passes returns what an update and a start without one take.
func passes(t *testing.T, start func(t testing.TB, root string) string) (changed, nothing traffic) {
	t.Helper()
	root := t.TempDir()
	w := newWire(t, start(t, root))
	files := tree{"boot.py": "import micropython_ota\nmicropython_ota.ota_update('" + w.url + "', 'sample')\n"}
	for i := range 9 {
		files[fmt.Sprintf("file%d.py", i)] = fmt.Sprintf("#%d", i) + large(4)[2:]
	}
	files["boot.py"] += "#" + large(4)[len(files["boot.py"])+1:]
	put(t, root, release(t, layout.Prefix, "v1.0.0", files).with(pointer("v1.0.0")))
	b := newBoard(t, client(t), tree{"boot.py": files["boot.py"]})
	b.start(t, 2)
	if diff := differ(b.files(t), running("v1.0.0", files)); diff != "" {
		t.Fatal(diff)
	}
	w.take()

	files = files.with(tree{"file4.py": "new" + large(4)[3:]})
	put(t, root, release(t, layout.Prefix, "v1.0.1", files).with(pointer("v1.0.1")))
	b.start(t, 1)
	changed = w.take()
	if diff := differ(b.files(t), running("v1.0.1", files)); diff != "" {
		t.Fatal(diff)
	}
	b.start(t, 1)
	return changed, w.take()
}
