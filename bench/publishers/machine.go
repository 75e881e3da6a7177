//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine says what these figures were measured on. The server's files were in dir.
func machine(dir string) []Fact {
	facts := []Fact{
		{"processor", fmt.Sprintf("%s, %d cores", field("/proc/cpuinfo", "model name"), runtime.NumCPU())},
		{"memory", field("/proc/meminfo", "MemTotal")},
		{"system", strings.Trim(field("/etc/os-release", "PRETTY_NAME"), `"`)},
		{"Go", runtime.Version()},
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		facts = append(facts, Fact{"kernel", unix.ByteSliceToString(name.Release[:])})
	}
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil {
		facts = append(facts, Fact{"file system of the server's folder", fileSystem(int64(fs.Type))}) //nolint:unconvert // elsewhere it is narrower
	}
	return facts
}

func fileSystem(magic int64) string {
	switch magic {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs, where fsync costs nothing"
	}
	return fmt.Sprintf("%#x", magic)
}

// field is the value behind the first line that begins with a name.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, " \t:="))
		}
	}
	return ""
}

// commit names what is checked out.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude", "*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
