package sftp

import (
	"encoding/binary"
	"fmt"
	"sync"
)

const (
	packetData = 103
	packetName = 104

	maxPacket = 256 << 10 // bytes; pkg/sftp has the same bound

	// maxListing is how much the listings that are under way may bring, in bytes: about 400,000 names.
	maxListing = 64 << 20
)

// A hostileError says that the server did what no honest server does.
type hostileError struct{ what string }

func (e *hostileError) Error() string { return e.what }

// A guard looks at the packets that a server sends before pkg/sftp does, for what would keep that busy for ever or fill
// the memory: listings without an end, and data packets without data, for which it would ask again and again.
type guard struct {
	head [13]byte // length 4, type 1, id 4, and the length of the data 4
	have int      // how much of head is known
	left uint32   // of the packet, behind what was looked at

	mu      sync.Mutex
	lists   int   // listings that are under way
	listing int64 // bytes of them
}

// look sees every byte once, in order, in pieces of any size.
func (g *guard) look(p []byte) error {
	for len(p) > 0 {
		if g.have < 4 {
			n := copy(g.head[g.have:4], p)
			p, g.have = p[n:], g.have+n
			g.left = binary.BigEndian.Uint32(g.head[:4])
			if g.have == 4 && (g.left == 0 || g.left > maxPacket) {
				return &hostileError{fmt.Sprintf("a packet of %d bytes came", g.left)}
			}
			continue
		}
		n := min(int(g.left), len(p))
		g.have += copy(g.head[min(g.have, len(g.head)):], p[:n])
		p, g.left = p[n:], g.left-uint32(n)
		if g.left > 0 {
			continue
		}
		if err := g.judge(); err != nil {
			return err
		}
		g.have = 0
	}
	return nil
}

// judge looks at the head of a packet that is complete.
func (g *guard) judge() error {
	if g.head[4] == packetData && g.have == len(g.head) && binary.BigEndian.Uint32(g.head[9:]) == 0 {
		return &hostileError{"a data packet without data came"}
	}
	if g.head[4] != packetName {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listing += int64(binary.BigEndian.Uint32(g.head[:4]))
	if g.listing > maxListing {
		return &hostileError{fmt.Sprintf("a listing does not end after %d MiB", maxListing>>20)}
	}
	return nil
}

// list says that a listing begins; the function that it returns, that it has ended.
func (g *guard) list() (end func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lists++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.lists--; g.lists == 0 {
			g.listing = 0
		}
	}
}
