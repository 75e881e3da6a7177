package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A site is a folder with a server root, what is published there, and the program that publishes it.
type site struct {
	repo   string // the root of this repository
	otactl string // the program
	dir    string
	root   string // of the web server
}

// build builds otactl into a folder, and returns it with the root of this repository.
func build(ctx context.Context, dir string) (otactl, repo string, err error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", "", fmt.Errorf("go env: %w", err)
	}
	repo, otactl = filepath.Dir(strings.TrimSpace(string(mod))), filepath.Join(dir, "otactl")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", otactl, ".")
	cmd.Dir, cmd.Env = repo, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return otactl, repo, nil
}

// newSite makes an empty server root in a folder, and a certificate for it.
func newSite(otactl, repo, dir string) (*site, error) {
	s := &site{repo: repo, otactl: otactl, dir: dir, root: filepath.Join(dir, "root")}
	return s, errors.Join(os.MkdirAll(s.root, 0o755), s.certify())
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// command is one of otactl, with nothing in its environment that would change what it does.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.otactl, args...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	return cmd
}

func (s *site) run(args ...string) error {
	out, err := s.command(append(args, "--project", string(project), "--to", s.root)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// publish is the change that publishes a release, by the program that users run.
func (s *site) publish(tag string, release files, at, share float64) change {
	return change{"publish " + tag, tag, at, share, func(context.Context) error {
		dir := s.path("files-" + tag)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		names := slices.Sorted(maps.Keys(release))
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(release[name]), 0o600); err != nil {
				return err
			}
		}
		return s.run(append([]string{"publish", tag, "-C", dir}, names...)...)
	}}
}

// rollback is the change that goes back, to a tag that is told only to those who check.
func (s *site) rollback(to string, at, share float64) change {
	return change{"rollback to " + to, to, at, share, func(context.Context) error { return s.run("rollback") }}
}

// certify writes cert.pem and key.pem.
func (s *site) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1 << 60), Subject: pkix.Name{CommonName: hostName}, DNSNames: []string{hostName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(s.path("cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(s.path("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}
