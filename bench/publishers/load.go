//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The release that every tool publishes, into a folder that holds older ones.
const (
	project = "demo"
	tag     = "v2.0.0"
	pointer = "version"
)

// A load is what is published.
type load struct {
	Name  string
	files map[string][]byte
}

// loads are the same in every run.
func loads() []load {
	small := func(n int) map[string][]byte {
		files := map[string][]byte{}
		for i := range n {
			files[fmt.Sprintf("file%03d.py", i)] = source(i)
		}
		return files
	}
	large := make([]byte, 2_000_000)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte("2 MB"))).Read(large) // it never fails
	return []load{
		{"2 files", small(2)},
		{"10 files", small(10)},
		{"100 files", small(100)},
		{"2 MB", map[string][]byte{"model.bin": large}},
	}
}

// source is a Python file of about 1 kB.
func source(i int) []byte {
	var text bytes.Buffer
	for line := range 12 {
		key := binary.BigEndian.AppendUint64(nil, uint64(i<<8|line))
		fmt.Fprintf(&text, "KEY_%02d = \"%x\"\n", line, sha256.Sum256(key))
	}
	return text.Bytes()
}

// published are the names and bytes that a device finds afterwards, in the project's folder.
func (l load) published() map[string][]byte {
	files := map[string][]byte{pointer: []byte(tag + "\n")}
	for name, data := range l.files {
		files[tag+"_"+name] = data
	}
	return files
}

// finals are the names of published, but for version.
func (l load) finals() []string {
	files := l.published()
	delete(files, pointer)
	return slices.Sorted(maps.Keys(files))
}

// write makes the folders that tools publish from: files has the names of the project, and named those of the server.
func (l load) write(files, named string) error {
	return errors.Join(writeAll(files, l.files), writeAll(named, l.published()))
}

func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readTree returns the files below a folder.
func readTree(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(dir, name))
		return err
	})
	return files, err
}

// checkDelivery compares a project's folder with what was there before and what should have been added, byte for byte. Names that
// own accepts may be there besides.
func checkDelivery(dir string, before, added map[string][]byte, own func(string) bool) error {
	got, err := readTree(dir)
	if err != nil {
		return err
	}
	want := map[string][]byte{}
	maps.Copy(want, before)
	maps.Copy(want, added)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		data, ok := got[name]
		if !ok {
			return fmt.Errorf("%s is not there", name)
		}
		if !bytes.Equal(data, want[name]) {
			return fmt.Errorf("%s has other bytes than it should", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok && !own(name) {
			return fmt.Errorf("%s was left there", name)
		}
	}
	return nil
}

// ofOtactl accepts what otactl adds: its manifest and its log (FORMAT.md, section 1).
func ofOtactl(name string) bool {
	return name == tag+".manifest" || strings.HasPrefix(name, ".otactl/log/")
}

// folder is a name for files on the client, without blanks.
func (l load) folder() string { return strings.ReplaceAll(l.Name, " ", "-") }
