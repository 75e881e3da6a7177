//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/otactl/otactl/bench/link"
)

// A site is a link with a server at its far end, on which one tool at a time publishes.
type site struct {
	kit    *kit
	link   *link.Link
	server *link.Acceptor
	dir    string // of what the client and the server have
	addr   string // of the server, for clients
	trips  *link.TripCounter
}

// A Sample is what one run of a tool has cost.
type Sample struct {
	Tool, Load string
	RoundTrip  time.Duration
	Round      int // of all tools in turn; those of one can be compared
	Wall, CPU  time.Duration
	Traffic    link.Traffic
	Trips      int // 0 if times were measured; else the other figures mean nothing
	Saw        Verdict
	Err        error
}

// hold is how long the counter of trips holds bytes.
const hold = 10 * time.Millisecond

// newSite makes a site, or one that counts trips in place of measuring times.
func (k *kit) newSite(dir string, countTrips bool) (s *site, err error) {
	s = &site{kit: k, dir: dir, link: link.New()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.server, err = k.account.serve(s.link); err != nil {
		return nil, err
	}
	if s.addr, err = s.link.Reach(s.server); err != nil {
		return nil, err
	}
	if countTrips {
		if s.trips, err = s.link.CountTrips(s.addr, hold); err != nil {
			return nil, err
		}
		s.addr = s.trips.Addr
	}
	return s, errors.Join(os.MkdirAll(dir, 0o755), k.account.trust(dir, s.addr))
}

func (s *site) close() {
	if s.trips != nil {
		s.trips.Close()
	}
	if s.server != nil {
		s.server.Close()
	}
	s.link.Close()
	_ = os.RemoveAll(s.dir)
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// env is all that a script knows.
func (s *site) env(l load) []string {
	host, port, _ := net.SplitHostPort(s.addr) // it was joined
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + s.path("home"),          // empty
		"OTACTL=" + s.kit.otactl,          // the program
		"FILES=" + s.kit.files(l),         // what to publish, as in a project
		"STAGED=" + s.kit.staged(l),       // the same under the names that it has on the server, with version
		"ROOT=" + s.path("root"),          // the server root
		"DEST=" + s.path("root/"+project), // the project's folder on the server
		"CONFIG=" + s.path("ssh_config"),  // in which the server is called target
		"KNOWN=" + s.path("known_hosts"),  // with the server's key
		"KEY=" + s.kit.account.path("id"), // that may log in
		"BATCH=" + s.path("batch"),        // for sftp
		"LOGIN=" + s.kit.account.login,    //
		"ADDR=" + s.addr, "HOST=" + host, "PORT=" + port,
	}
}

// run lets a tool publish a load into a new copy of the project, and checks what it has done there.
func (s *site) run(ctx context.Context, t tool, l load, roundTrip time.Duration) (m Sample) {
	m = Sample{Tool: t.name, Load: l.Name, RoundTrip: roundTrip}
	m.Err = s.measure(ctx, t, l, &m)
	if m.Err != nil {
		m.Err = fmt.Errorf("%s, %s, %v: %w", t.name, l.Name, roundTrip, m.Err)
	}
	return m
}

func (s *site) measure(ctx context.Context, t tool, l load, m *Sample) error {
	before, err := s.prepare(t, l, m.RoundTrip)
	if err != nil {
		return err
	}
	dest := s.path("root/" + project)
	reader, err := watchFolder(dest)
	if err != nil {
		return err
	}
	runErr := s.timed(ctx, t, l, m)
	events, err := reader.end()
	if err := errors.Join(runErr, err); err != nil {
		return err
	}
	added := l.published()
	if t.floor {
		added = nil
	}
	m.Saw = judge(events, l.finals(), pointer)
	return checkDelivery(dest, before, added, t.allowed)
}

// prepare makes the project's folder, as it was, and returns what is in it.
func (s *site) prepare(t tool, l load, roundTrip time.Duration) (before map[string][]byte, err error) {
	if err := errors.Join(s.link.SetRoundTrip(roundTrip), os.RemoveAll(s.path("root"))); err != nil {
		return nil, err
	}
	if !t.fresh {
		before = s.kit.old
	}
	dest := s.path("root/" + project)
	if err := errors.Join(os.MkdirAll(s.path("home"), 0o755), os.MkdirAll(dest, 0o755)); err != nil {
		return nil, err
	}
	for name := range maps.Keys(before) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dest, name)), 0o755); err != nil {
			return nil, err
		}
	}
	if err := writeAll(dest, before); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.path("batch"), []byte(batch(l, s.kit.staged(l), dest)), 0o600); err != nil {
		return nil, err
	}
	return before, flush(s.dir)
}

// flush writes to the disk what is not there yet, so that no tool waits for what another one has left.
func flush(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

// patience is how long the slowest tool may take on the longest way, several times.
const patience = 4 * time.Minute

// timed runs the script, and takes the figures when the server, too, is done with it.
func (s *site) timed(ctx context.Context, t tool, l load, m *Sample) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := s.link.Traffic()
	if err != nil {
		return err
	}
	if s.trips != nil {
		s.trips.Reset()
	}
	var output strings.Builder
	cmd := exec.CommandContext(ctx, "sh", "-ec", t.script)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = s.env(l), s.dir, &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second
	start := time.Now()
	if err := s.link.Client.Do(cmd.Start); err != nil {
		return err
	}
	err = cmd.Wait()
	m.Wall = time.Since(start)
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String())), context.Cause(ctx))
	}
	m.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err := quiet(s.server); err != nil {
		return err
	}
	if s.trips != nil {
		m.Trips = s.trips.Trips()
	}
	after, err := s.link.Traffic()
	m.Traffic = after.Since(before)
	return err
}
