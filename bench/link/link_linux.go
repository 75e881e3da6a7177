package link

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The addresses of both ends, and the names of their devices.
const (
	clientHost = "10.77.0.1"
	serverHost = "10.77.0.2"
	clientDev  = "client"
	serverDev  = "server"
)

// A Link is a network of two machines, both of which are this one. Nothing is lost, and its rate is what the machine can do.
type Link struct {
	Kind   string     // of emulation, for people
	Lacks  error      // what better kinds need and this machine does not have
	Client *Namespace // nil if there is no namespace
	Server *Namespace

	roundTrip atomic.Int64 // for what this process carries
	netem     bool         // the kernel delays
	devices   []*os.File
	carrying  sync.WaitGroup
	proxy     *Delay // in place of namespaces
}

// New makes a link of the best kind that this machine can have: namespaces and netem; namespaces and a relay between TUN
// devices; a [Delay].
func New() *Link {
	l, netemErr := newLink("kernel TCP on both ends, network namespaces joined by veth, delayed by netem", (*Link).joinByNetem)
	if netemErr == nil {
		return l
	}
	l, tunErr := newLink("kernel TCP on both ends, network namespaces joined by a relay between TUN devices", (*Link).joinByTUN)
	if tunErr == nil {
		l.Lacks = netemErr
		return l
	}
	return &Link{Kind: "a TCP relay with a delay; it takes root to emulate a network", Lacks: errors.Join(netemErr, tunErr)}
}

func newLink(kind string, join func(*Link) error) (*Link, error) {
	l := &Link{Kind: kind}
	if err := l.open(join); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Link) open(join func(*Link) error) (err error) {
	if l.Client, err = NewNamespace(); err != nil {
		return err
	}
	if l.Server, err = NewNamespace(); err != nil {
		return err
	}
	if err := join(l); err != nil {
		return err
	}
	return errors.Join(l.configure(l.Client, clientDev, clientHost), l.configure(l.Server, serverDev, serverHost))
}

func (l *Link) joinByNetem() error {
	peer := fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), l.Server.thread)
	if err := l.Client.command("ip", "link", "add", clientDev, "type", "veth", "peer", "name", serverDev, "netns", peer); err != nil {
		return err
	}
	l.netem = true
	return l.SetRoundTrip(0)
}

func (l *Link) joinByTUN() error {
	for _, end := range []struct {
		network *Namespace
		device  string
	}{{l.Client, clientDev}, {l.Server, serverDev}} {
		file, err := end.network.openTUN(end.device)
		if err != nil {
			return err
		}
		l.devices = append(l.devices, file)
	}
	l.carrying.Go(func() { carry(l.devices[1], l.devices[0], &l.roundTrip) })
	l.carrying.Go(func() { carry(l.devices[0], l.devices[1], &l.roundTrip) })
	return nil
}

func (l *Link) configure(n *Namespace, device, host string) error {
	if err := n.command("ip", "addr", "add", host+"/24", "dev", device); err != nil {
		return err
	}
	// The kernel would remember from one connection to the next how large its window may be.
	err := n.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/tcp_no_metrics_save", []byte("1"), 0) })
	// Looking for neighbours and routers would count as traffic.
	_ = n.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/"+device+"/disable_ipv6", []byte("1"), 0) })
	// A window at once must not be more than the queue before the device takes: 500 packets by default.
	return errors.Join(err, n.command("ip", "link", "set", device, "txqueuelen", "20000", "up"))
}

// SetRoundTrip sets the delay, half of it in each direction. Call it when nothing is on its way.
func (l *Link) SetRoundTrip(d time.Duration) error {
	l.roundTrip.Store(int64(d))
	if l.proxy != nil {
		l.proxy.SetRoundTrip(d)
	}
	if !l.netem {
		return nil
	}
	delay := fmt.Sprintf("%dus", d.Microseconds()/2)
	err := l.Client.command("tc", "qdisc", "replace", "dev", clientDev, "root", "netem", "delay", delay, "limit", "100000")
	if err != nil {
		return err
	}
	return l.Server.command("tc", "qdisc", "replace", "dev", serverDev, "root", "netem", "delay", delay, "limit", "100000")
}

// ListenOnServer listens where the server is.
func (l *Link) ListenOnServer() (*Acceptor, error) {
	addr := serverHost + ":22"
	if l.Server == nil {
		addr = "127.0.0.1:0"
	}
	listener, err := l.Server.Listen(addr)
	if err != nil {
		return nil, err
	}
	return NewAcceptor(listener), nil
}

// Reach returns the address at which a client finds a server of [Link.ListenOnServer].
func (l *Link) Reach(server *Acceptor) (addr string, err error) {
	if l.Server != nil {
		return server.Addr, nil
	}
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	l.proxy = NewDelay(listener, To(server.Addr), time.Duration(l.roundTrip.Load()))
	return l.proxy.Addr, nil
}

// CountTrips puts a counter where the client is, before an address that a client can reach.
func (l *Link) CountTrips(addr string, hold time.Duration) (*TripCounter, error) {
	host := "127.0.0.1:22"
	if l.Client == nil {
		host = "127.0.0.1:0"
	}
	listener, err := l.Client.Listen(host)
	if err != nil {
		return nil, err
	}
	return CountTrips(listener, l.Client.To(addr), hold), nil
}

// Traffic returns what went through the link so far.
func (l *Link) Traffic() (t Traffic, err error) {
	if l.Client == nil {
		if l.proxy != nil {
			t = l.proxy.Traffic()
		}
		return t, nil
	}
	err = l.Client.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		t, err = parseDev(string(text), clientDev)
		return err
	})
	return t, err
}

// parseDev finds the bytes of a device in /proc/net/dev (proc(5)): the first column is what it has received, the ninth what it
// has sent.
func parseDev(text, device string) (t Traffic, err error) {
	for line := range strings.Lines(text) {
		name, columns, _ := strings.Cut(line, ":")
		fields := strings.Fields(columns)
		if strings.TrimSpace(name) != device || len(fields) < 9 {
			continue
		}
		var sentErr, receivedErr error
		t.Received, receivedErr = strconv.ParseInt(fields[0], 10, 64)
		t.Sent, sentErr = strconv.ParseInt(fields[8], 10, 64)
		return t, errors.Join(receivedErr, sentErr)
	}
	return t, fmt.Errorf("/proc/net/dev: no device %s", device)
}

// Close removes the link. Servers and clients on it should have ended.
func (l *Link) Close() {
	if l.proxy != nil {
		l.proxy.Close()
	}
	for _, file := range l.devices {
		_ = file.Close()
	}
	l.carrying.Wait()
	for _, n := range []*Namespace{l.Client, l.Server} {
		n.Close()
	}
}
