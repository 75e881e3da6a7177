package sftp

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A quickConn acknowledges at once what it has read. Linux else waits for 40 ms whether something is sent that the
// acknowledgement could go along with, and a server that sends an answer in two pieces waits for it. The kernel falls back
// again and again, so it is told after each read.
type quickConn struct {
	net.Conn
	raw syscall.RawConn
}

func quick(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &quickConn{conn, raw}
}

func (c *quickConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil {
		_ = c.raw.Control(func(fd uintptr) { // without it everything works, only slower
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
		})
	}
	return n, err
}
