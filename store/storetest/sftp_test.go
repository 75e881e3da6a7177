package storetest

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
)

func opensshServer(args ...string) func(*testing.T, string) io.ReadWriteCloser {
	return func(t *testing.T, dir string) io.ReadWriteCloser { return testserver.SFTPServer(t, dir, args...) }
}

// pkgServer runs the server of package github.com/pkg/sftp, which overwrites on a plain rename and has no fsync.
func pkgServer(t *testing.T, dir string) io.ReadWriteCloser {
	t.Helper()
	client, server := net.Pipe()
	s, err := pkgsftp.NewServer(server, pkgsftp.WithServerWorkingDirectory(dir))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve()
		_ = server.Close()
	}()
	t.Cleanup(func() { _ = client.Close(); <-done })
	return client
}

func servedBy(server func(*testing.T, string) io.ReadWriteCloser) Fresh[posix.FS] {
	return func(t *testing.T) func(*testing.T) posix.FS {
		dir := t.TempDir()
		return func(t *testing.T) posix.FS {
			opener := func(context.Context) (io.ReadWriteCloser, error) { return server(t, dir), nil }
			f, err := sftp.New(t.Context(), opener, sftp.Options{Target: "the server", Root: dir})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
}

func TestOpenSSH(t *testing.T) {
	t.Parallel()
	Run(t, Stores(servedBy(opensshServer())))
	RunPosix(t, servedBy(opensshServer()))
}

// TestOpenSSHUmask has the server make files and folders that a web server cannot read.
func TestOpenSSHUmask(t *testing.T) {
	t.Parallel()
	Modes(t, servedBy(opensshServer("-u", "077")))
	Faults(t, servedBy(opensshServer("-u", "077")))
}

func TestPkgSFTP(t *testing.T) {
	t.Parallel()
	server := servedBy(pkgServer)
	Run(t, Stores(server))
	testFS(t, server)
	testHostile(t, server)
	Faults(t, server)
	testPaused(t, server)
}

// TestProFTPD has another implementation of the protocol at the other end, behind a login.
func TestProFTPD(t *testing.T) {
	t.Parallel()
	server := loggedIn(testserver.ProFTPD)
	Run(t, Stores(server))
	Modes(t, server)
	testHostile(t, server)
}

// loggedIn starts a server for each root.
func loggedIn(start func(testing.TB) *testserver.SSH) Fresh[posix.FS] {
	return func(t *testing.T) func(*testing.T) posix.FS {
		server := start(t)
		return func(t *testing.T) posix.FS {
			target, err := sftp.ParseURL(server.URL())
			if err != nil {
				t.Fatal(err)
			}
			f, err := sftp.Dial(t.Context(), target, sftp.Config{KnownHosts: server.KnownHosts, Identity: server.ClientKey, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
}
