package proofs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

var compiled = sync.OnceValues(func() (tree, error) {
	paths, err := filepath.Glob("../micropython_ota*.py")
	if err != nil {
		return nil, err
	}
	files := tree{}
	for _, path := range paths {
		name := filepath.Base(path)
		if name == bootPart {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			files[name] = string(text)
			continue
		}
		code, err := compile(path)
		if err != nil {
			return nil, err
		}
		files[strings.TrimSuffix(name, ".py")+".mpy"] = code
	}
	return files, nil
})

func compile(path string) (code string, err error) {
	dir, err := os.MkdirTemp("", "otactl-mpy")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "mpy")
	if text, err := exec.Command(filepath.Join(tools, "mpy-cross"), path, "-o", out).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mpy-cross %s: %w: %s", path, err, text)
	}
	data, err := os.ReadFile(out)
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
