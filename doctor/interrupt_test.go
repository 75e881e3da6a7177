package doctor_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/otactl/otactl/doctor"
	"github.com/otactl/otactl/internal/testserver"
	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
	"github.com/otactl/otactl/store/sftp"
)

// far has the target behind a real sshd that is far away.
func far(t *testing.T, r doctor.Request, roundTrip time.Duration) (doctor.Request, string) {
	t.Helper()
	server := testserver.Sshd(t, testserver.SshdOptions{})
	if err := os.Chmod(server.Root, 0o755); err != nil {
		t.Fatal(err)
	}
	target, err := sftp.ParseURL("sftp://" + server.User + "@" + testserver.Delay(t, server.Addr, roundTrip) + server.Root)
	if err != nil {
		t.Fatal(err)
	}
	r.Open = func(ctx context.Context) (store.Store, error) {
		tree, err := sftp.Dial(ctx, target, sftp.Config{HostKey: server.Fingerprint(), Identity: server.ClientKey})
		if err != nil {
			return nil, err
		}
		return posix.New(tree), nil
	}
	return r, server.Root
}

// Ctrl-C at any moment leaves nothing on a server that is far away, in a project that is new and in one that is not.
func TestInterruptedFarAway(t *testing.T) {
	const trip = 10 * time.Millisecond
	r, root := far(t, request(""), trip)
	for _, project := range []string{"new", "demo"} {
		if r.Project = layout.Project(project); project == "demo" {
			publishTo(t, r, "v1.0.0", layout.Prefix, time.Now(), file("main.py", "print(1)\n"))
		}
		unchanged(t, root, func() {
			start := time.Now()
			run(t, r)
			took := time.Since(start)
			t.Logf("%s: %v with round trips of %v", project, took.Round(trip), trip)
			for after := trip; after < took; after += took / 12 {
				ctx, stop := context.WithTimeout(t.Context(), after)
				_, _ = doctor.Run(ctx, r) // it may have come to its end
				stop()
			}
		})
	}
}
