package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// echo answers each line with the same line, at once, and says how many bytes each connection has brought.
func echo(t *testing.T) (addr string, received chan int) {
	t.Helper()
	a := newAcceptor(t)
	received = make(chan int, 100)
	a.Serve(func(conn *net.TCPConn) {
		n := 0
		defer func() { received <- n }()
		for r := bufio.NewReader(conn); ; {
			line, err := r.ReadBytes('\n')
			n += len(line)
			if err != nil {
				return
			}
			_, _ = conn.Write(line) // after a reset there may still be something to read
		}
	})
	return a.Addr, received
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

func TestCut(t *testing.T) {
	addr, received := echo(t)
	for _, c := range []struct {
		cut        Cut
		sent, back int // bytes that arrive; back only where it is certain
	}{
		{Cut{Direction: ToServer, After: 0}, 0, 0},
		{Cut{Direction: ToServer, After: 1}, 1, 0},
		{Cut{Direction: ToServer, After: 7}, 7, -1},
		{Cut{Direction: ToServer, After: 7, Reset: true}, 7, -1},
		{Cut{Direction: ToClient, After: 0}, -1, 0},
		{Cut{Direction: ToClient, After: 7}, 10, 7},
		{Cut{Direction: ToClient, After: 7, Reset: true}, 10, 7},
		{Cut{After: -1}, 10, 10},
	} {
		p := CutProxy(t, addr)
		p.Cut(c.cut)
		conn := dial(t, p.Addr)
		_, _ = io.WriteString(conn, "1234\n5678\n")
		if c.cut.After < 0 {
			_ = conn.CloseWrite()
		}
		back, err := io.ReadAll(conn)
		if reset := errors.Is(err, syscall.ECONNRESET); reset != c.cut.Reset {
			t.Errorf("%+v: %v", c.cut, err)
		}
		_ = conn.Close()
		traffic := p.Traffic(t)
		if len(traffic) != 1 || traffic[0].Cut != (c.cut.After >= 0) {
			t.Errorf("%+v: %+v", c.cut, traffic)
		}
		if n := <-received; c.sent >= 0 && n != c.sent {
			t.Errorf("%+v: %d bytes arrived", c.cut, n)
		}
		if c.back >= 0 && len(back) != c.back {
			t.Errorf("%+v: %d bytes came back", c.cut, len(back))
		}
		if c.cut.After >= 0 && traffic[0].Bytes[c.cut.Direction] != c.cut.After {
			t.Errorf("%+v: %+v", c.cut, traffic)
		}
	}
}

func TestCutRefuse(t *testing.T) {
	addr, _ := echo(t)
	p := CutProxy(t, addr)
	p.Cut(Cut{After: -1}, Cut{After: 1, Refuse: true})
	for range 2 {
		conn := dial(t, p.Addr)
		_, _ = io.WriteString(conn, "12")
		_ = conn.CloseWrite()
		_, _ = io.ReadAll(conn)
	}
	if _, err := net.Dial("tcp", p.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the cut: %v", err)
	}
	if traffic := p.Traffic(t); len(traffic) != 2 || traffic[0].Cut || !traffic[1].Cut {
		t.Errorf("%+v", traffic)
	}
}

// Bytes in both directions at once, more than any buffer holds, arrive as they were sent.
func TestProxiesCarry(t *testing.T) {
	addr, _ := echo(t)
	for name, proxy := range map[string]string{"cut": CutProxy(t, addr).Addr, "relay": Relay(t, addr, time.Millisecond).Addr} {
		conn := dial(t, proxy)
		const lines = 100_000
		go func() {
			w := bufio.NewWriter(conn)
			for i := range lines {
				_, _ = fmt.Fprintf(w, "this is line number %d of many\n", i)
			}
			_ = w.Flush()
			_ = conn.CloseWrite()
		}()
		n := 0
		for s := bufio.NewScanner(conn); s.Scan(); n++ {
			if want := fmt.Sprintf("this is line number %d of many", n); s.Text() != want {
				t.Fatalf("%s: got %q", name, s.Text())
			}
		}
		if n != lines {
			t.Errorf("%s: %d lines came back", name, n)
		}
	}
}

func exchange(t *testing.T, conn *net.TCPConn, requests int) {
	t.Helper()
	for range requests {
		if _, err := io.WriteString(conn, "x\n"); err != nil {
			t.Error(err)
		}
	}
	if _, err := io.ReadFull(conn, make([]byte, 2*requests)); err != nil {
		t.Error(err)
	}
}

// checkTrips checks the least count of a few runs: load can make one too high, never too low.
func checkTrips(t *testing.T, r *TripCounter, what string, want int, run func()) {
	t.Helper()
	least := want + 1
	for i := 0; i < 5 && least > want; i++ {
		r.Reset()
		run()
		least = min(least, r.Trips())
	}
	if least != want {
		t.Errorf("%s: %d trips, want %d", what, least, want)
	}
}

func TestTrips(t *testing.T) {
	addr, _ := echo(t)
	r := Relay(t, addr, 10*time.Millisecond)
	conn := dial(t, r.Addr)
	checkTrips(t, r, "connecting", 0, func() { dial(t, r.Addr) })
	checkTrips(t, r, "7 requests one after the other", 7, func() {
		for range 7 {
			exchange(t, conn, 1)
		}
	})
	checkTrips(t, r, "100 requests at once", 1, func() { exchange(t, conn, 100) })
	checkTrips(t, r, "5 connections with 2 exchanges each", 2, func() {
		var clients sync.WaitGroup
		for range 5 {
			other := dial(t, r.Addr)
			clients.Go(func() {
				exchange(t, other, 1)
				exchange(t, other, 3)
			})
		}
		clients.Wait()
	})
}

// What SSH waits for is known (RFC 4253, 4252, 4254): identification with KEXINIT, key exchange, service; no key, this
// key, its signature; channel, subsystem; and SFTP's own greeting.
func TestTripsOfSFTP(t *testing.T) {
	s := Sshd(t, SshdOptions{})
	r := Relay(t, s.Addr, 10*time.Millisecond)
	config := s.Config(t)
	config.HostKeyCallback = ssh.FixedHostKey(s.HostKeys[0]) // the relay has another port
	checkTrips(t, r, "login", 9, func() { dialSFTP(t, r.Addr, config) })
	client := dialSFTP(t, r.Addr, config)
	checkTrips(t, r, "open, write, close", 3, func() { put(t, client, s.Root+"/a", "text") })
}
