package device_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/otactl/otactl/device"
)

// What is embedded is what lies here. That it works, device/proofs proves on a real MicroPython.
func TestFiles(t *testing.T) {
	for _, client := range []fs.FS{device.Files(), device.Sources()} {
		names, err := fs.Glob(client, "*")
		if err != nil || len(names) < 3 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			embedded, err := fs.ReadFile(client, name)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(data, embedded) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if paths, err := filepath.Glob("micropython_ota*.py"); err != nil || len(paths) != count(t, device.Sources()) {
		t.Errorf("%v: not all of them are embedded, %v", paths, err)
	}
}

func count(t testing.TB, fsys fs.FS) int {
	t.Helper()
	names, err := fs.Glob(fsys, "*")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// In the network part its modules stand in one namespace: what one of them defines, no other one may.
func TestNetPart(t *testing.T) {
	source, err := device.NetPart()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:def |class )?(\w+)(?: = |\(|:)`).FindAllStringSubmatch(string(source), -1) {
		if name := m[1]; seen[name] {
			t.Errorf("%s is defined twice", name)
		} else {
			seen[name] = true
		}
	}
	if !seen["need"] || !seen["Http"] || !seen["MANIFEST"] {
		t.Errorf("found only %v", seen)
	}
	if bytes.Contains(source, []byte("\nfrom micropython_ota_")) {
		t.Error("the modules import each other")
	}
}
