package sftp

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/otactl/otactl/internal/testserver"
)

func TestQuickAck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		if server, err := l.Accept(); err == nil {
			_, _ = server.Write([]byte("hello"))
			_, _ = server.Read(make([]byte, 1))
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	try(t, err)
	defer func() { _ = conn.Close() }()
	q, ok := quick(conn).(*quickConn)
	if !ok {
		t.Fatal("a TCP connection is not made quick")
	}
	ack := func(set ...int) (value int) {
		try(t, q.raw.Control(func(fd uintptr) {
			for _, v := range set {
				try(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, v))
			}
			value, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK)
		}))
		try(t, err)
		return value
	}
	if ack(0) != 0 {
		testserver.Skip(t, "this kernel does not tell")
	}
	_, err = q.Read(make([]byte, 10))
	try(t, err)
	if ack() != 1 {
		t.Error("acknowledgements are delayed")
	}
}
