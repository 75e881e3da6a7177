package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/serve"
)

// micropython is the path of a real MicroPython.
func micropython(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(".cache/micropython/micropython")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		testserver.Skip(t, "no MicroPython here: scripts/install-micropython")
	}
	return path
}

// What device install writes for a web server is what the mip of a real MicroPython installs.
func TestDeviceInstallByMip(t *testing.T) {
	program, dir, home := micropython(t), t.TempDir(), t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	server := httptest.NewServer(serve.Handler(root, serve.Options{Now: time.Now, Log: func(string) {}}))
	defer server.Close()
	out := shell(t, dir, "otactl device install client --url "+server.URL+"/client/")
	_, command, ok := strings.Cut(out, "\n  import mip; ")
	command, _, _ = strings.Cut(command, "\n")
	if !ok || command != `mip.install("`+server.URL+`/client/")` {
		t.Fatalf("it says\n%s", out)
	}
	cmd := exec.Command(program, "-c", "import mip; "+command)
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mip: %v\n%s", err, said)
	}
	entries, err := os.ReadDir(filepath.Join(home, ".micropython/lib"))
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		got := readFile(t, filepath.Join(home, ".micropython/lib", e.Name()))
		if want := readFile(t, filepath.Join(dir, "client", e.Name())); got != want {
			t.Errorf("%s: %d bytes, %d were written", e.Name(), len(got), len(want))
		}
	}
	cmd = exec.Command(program, "-c", "import micropython_ota; print(micropython_ota.__version__)")
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home)
	if said, err := cmd.CombinedOutput(); err != nil || len(said) < 4 {
		t.Errorf("%v\n%s", err, said)
	}
}

// mip.install("github:otactl/otactl/device") installs what device install does.
func TestDevicePackage(t *testing.T) {
	var want, got struct{ URLs [][2]string }
	dir := t.TempDir()
	shell(t, dir, "otactl device install . --url http://ota.example.org")
	for path, list := range map[string]any{filepath.Join(dir, "package.json"): &want, "device/package.json": &got} {
		if err := json.Unmarshal([]byte(readFile(t, path)), list); err != nil {
			t.Fatal(err)
		}
	}
	for i, url := range want.URLs {
		want.URLs[i][1] = "github:otactl/otactl/device/" + url[0]
	}
	if !slices.Equal(got.URLs, want.URLs) || len(got.URLs) == 0 {
		t.Errorf("%q, want %q", got.URLs, want.URLs)
	}
}
