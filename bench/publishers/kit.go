//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A kit is what all sites of a run use.
type kit struct {
	dir     string // on a disk, where fsync costs what it costs
	memory  string // on a tmpfs, if there is one
	otactl  string
	account *account
	old     map[string][]byte // the project's folder before each run
}

// newKit builds otactl and what its peers need. The current folder is the root of this repository.
func newKit(ctx context.Context, dir, memory string) (k *kit, err error) {
	k = &kit{dir: dir, memory: memory, otactl: filepath.Join(dir, "otactl")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", k.otactl, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if k.account, err = newAccount(dir); err != nil {
		return nil, err
	}
	for _, l := range loads() {
		if err := l.write(k.files(l), k.staged(l)); err != nil {
			return nil, err
		}
	}
	k.old, err = k.history(ctx)
	return k, err
}

func (k *kit) files(l load) string { return filepath.Join(k.dir, "files", l.folder()) }

func (k *kit) staged(l load) string { return filepath.Join(k.dir, "staged", l.folder()) }

// The project that releases are published into.
const (
	oldReleases = 50
	oldEntries  = 100
)

// history makes a project with releases, and with twice as many log entries: the rest are rollbacks and their undoing.
func (k *kit) history(ctx context.Context) (map[string][]byte, error) {
	root, from := filepath.Join(k.dir, "history"), filepath.Join(k.dir, "old")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	for i := range oldReleases {
		old := map[string][]byte{"boot.py": fmt.Appendf(nil, "BOOT = %d\n", i), "main.py": fmt.Appendf(nil, "MAIN = %d\n", i)}
		if err := writeAll(from, old); err != nil {
			return nil, err
		}
		if err := k.local(ctx, "publish", fmt.Sprintf("v1.0.%d", i), from, root); err != nil {
			return nil, err
		}
	}
	for i := range oldEntries - oldReleases {
		verb := []string{"rollback", "activate"}[i%2]
		if err := k.local(ctx, verb, fmt.Sprintf("v1.0.%d", oldReleases-2+i%2), from, root); err != nil {
			return nil, err
		}
	}
	return readTree(filepath.Join(root, project))
}

func (k *kit) local(ctx context.Context, verb, oldTag, from, root string) error {
	args := []string{verb, oldTag, "--project", project, "--to", root, "--quiet"}
	if verb == "publish" {
		args = append(args, ".", "-C", from)
	}
	cmd := exec.CommandContext(ctx, k.otactl, args...)
	cmd.Dir, cmd.Env = k.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + k.dir}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("otactl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
