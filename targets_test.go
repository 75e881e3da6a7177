package main

import (
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// flaky FILE TEXT puts a proxy before the server of SSH_ADDR, and changes SSH_URL and SSH_ADDR to it. While the file holds the
// text the server is down: connections end with the next byte that is sent to it, and no new one is answered. A file
// "repaired" ends that for good. With "once" it is only one connection that ends.
func flaky(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: flaky FILE TEXT [once]")
	}
	file, repaired, upstream := ts.MkAbs(args[0]), ts.MkAbs("repaired"), ts.Getenv("SSH_ADDR")
	once := len(args) > 2
	var cut atomic.Bool
	down := func() bool {
		if _, err := os.Stat(repaired); err == nil && !once {
			return false
		}
		data, _ := os.ReadFile(file)
		return strings.TrimSpace(string(data)) == args[1] && (!once || !cut.Swap(true))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go relay(client, upstream, down)
		}
	}()
	ts.Setenv("SSH_URL", strings.Replace(ts.Getenv("SSH_URL"), upstream, l.Addr().String(), 1))
	ts.Setenv("SSH_ADDR", l.Addr().String())
}

// relay carries a connection until one side ends it, or the server is down.
func relay(client net.Conn, upstream string, down func() bool) {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil || down() {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if err != nil || down() {
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
