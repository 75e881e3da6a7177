package link

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// maxPacket is larger than any packet that a device with the usual MTU of 1500 takes.
const maxPacket = 2048

// openTUN makes a TUN device in the network: what the kernel sends into it is read from the file, and the other way round.
func (n *Namespace) openTUN(name string) (file *os.File, err error) {
	err = n.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("/dev/net/tun: %w", err)
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			_ = unix.Close(fd)
			return fmt.Errorf("/dev/net/tun: TUNSETIFF: %w", err)
		}
		file = os.NewFile(uintptr(fd), "/dev/net/tun")
		return nil
	})
	return file, err
}

// A packet is on its way until it is due.
type packet struct {
	data []byte
	due  time.Time
}

// carry carries packets from one device to another, half a round trip later, until a device is closed.
func carry(to, from *os.File, roundTrip *atomic.Int64) {
	onTheWay := make(chan packet, 1<<16) // more than the windows of all connections hold
	go deliver(to, onTheWay)
	defer close(onTheWay)
	for {
		buf := make([]byte, maxPacket)
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		onTheWay <- packet{buf[:n], time.Now().Add(time.Duration(roundTrip.Load()) / 2)}
	}
}

func deliver(to *os.File, onTheWay <-chan packet) {
	for p := range onTheWay {
		waitUntil(p.due)
		_, _ = to.Write(p.data) // what a closed device does not take, nobody misses
	}
}

// waitUntil is time.Sleep, but exact to a tenth of a millisecond: Go's timers wake up to a millisecond late.
func waitUntil(due time.Time) {
	for {
		left := time.Until(due)
		if left <= 0 {
			return
		}
		span := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&span, nil) // if a signal ends it, once more
	}
}
