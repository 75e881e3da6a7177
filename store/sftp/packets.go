package sftp

import (
	"encoding/binary"
	"io"
	"sync"
)

// Package sftp of pkg waits for each answer before it sends the next request about the same file. The requests here do not
// wait, so that a flight of them costs one trip. Both sides share one connection: the ids of ours have the highest bit set.
//
// Requests take effect in the order in which they are sent: "The protocol and implementations MUST process requests relating
// to the same file in the order in which they are received" (draft-ietf-secsh-filexfer-02, section 4.1), and no server is
// known that changes the order of others than READ and WRITE.

// Requests and answers of SFTP version 3.
const (
	reqOpen     = 3
	reqClose    = 4
	reqRead     = 5
	reqWrite    = 6
	reqFsetstat = 10
	reqOpendir  = 11
	reqReaddir  = 12
	reqRemove   = 13
	reqMkdir    = 14
	reqRmdir    = 15
	reqStat     = 17
	reqRename   = 18
	reqExtended = 200

	ansVersion = 2
	ansStatus  = 101
	ansHandle  = 102
	ansAttrs   = 105

	ours = 1 << 31 // in the id of a request

	openRead   = 0x01
	openCreate = 0x02 | 0x08 | 0x20 // for writing, if the name is free

	attrSize        = 0x01
	attrOwner       = 0x02
	attrPermissions = 0x04
	attrTimes       = 0x08
	attrExtended    = 1 << 31

	// maxQueued bounds what waits to be sent, in bytes: more than SSH has under way, so that it never waits for us.
	maxQueued = 4 << 20
)

// packets sends requests and sorts out the answers.
type packets struct {
	mu      sync.Mutex
	changed sync.Cond // queue was filled, or emptied, or the session is over
	queue   []byte    // whole packets
	begun   bool      // INIT is in it, and nothing is before that
	over    bool
	last    uint32
	waiting map[uint32]chan []byte

	partial []byte         // of a packet of the client; only Write knows it
	client  *io.PipeWriter // where its answers go
}

func newPackets() (*packets, *io.PipeReader) {
	r, w := io.Pipe()
	p := &packets{waiting: map[uint32]chan []byte{}, client: w}
	p.changed.L = &p.mu
	return p, r
}

// end lets go of everybody who waits.
func (p *packets) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.changed.Broadcast()
	_ = p.client.Close() // never fails
}

// enqueue adds whole packets to what is to be sent.
func (p *packets) enqueue(packet []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (len(p.queue) > maxQueued || !p.begun) && !p.over {
		p.changed.Wait()
	}
	p.queue = append(p.queue, packet...)
	p.changed.Broadcast()
}

// begin lets others send behind INIT, which is the first packet of the client.
func (p *packets) begin(init []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
	p.queue = append(p.queue, init...)
	p.changed.Broadcast()
}

// Write takes what the client sends, which comes in pieces, and which must not be mixed with ours within a packet.
func (p *packets) Write(piece []byte) (int, error) {
	p.partial = append(p.partial, piece...)
	for len(p.partial) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(p.partial))
		if len(p.partial) < n {
			break
		}
		if p.begun { // nobody else sets it
			p.enqueue(p.partial[:n])
		} else {
			p.begin(p.partial[:n])
		}
		p.partial = p.partial[n:]
	}
	return len(piece), nil
}

// sendTo sends what is queued, as much at once as there is, until the session is over.
func (p *packets) sendTo(w io.Writer) error {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.over {
			p.changed.Wait()
		}
		packets := p.queue
		p.queue = nil
		over := p.over
		p.changed.Broadcast()
		p.mu.Unlock()
		if over {
			return nil
		}
		if _, err := w.Write(packets); err != nil {
			return err
		}
	}
}

// receiveFrom hands out what comes until there is no more. A guard has looked at the lengths.
func (p *packets) receiveFrom(r io.Reader) error {
	for {
		packet := make([]byte, 4, 64)
		if _, err := io.ReadFull(r, packet); err != nil {
			return err
		}
		packet = append(packet, make([]byte, binary.BigEndian.Uint32(packet))...)
		if _, err := io.ReadFull(r, packet[4:]); err != nil {
			return err
		}
		if err := p.handOut(packet); err != nil {
			return err
		}
	}
}

func (p *packets) handOut(packet []byte) error {
	if len(packet) < 9 || packet[4] == ansVersion || packet[5]&0x80 == 0 {
		_, err := p.client.Write(packet)
		return err
	}
	id := binary.BigEndian.Uint32(packet[5:])
	p.mu.Lock()
	defer p.mu.Unlock()
	answer, ok := p.waiting[id]
	if !ok {
		return &hostileError{"an answer came to what was not asked"}
	}
	delete(p.waiting, id)
	answer <- packet[4:] // has room for it
	return nil
}

// send sends a request and does not wait. Fields are uint32, uint64, string and []byte.
func (s *session) send(kind byte, fields ...any) *answer {
	p := s.packets
	a := &answer{s, make(chan []byte, 1)}
	p.mu.Lock()
	p.last++
	id := p.last | ours
	p.waiting[id] = a.packet
	p.mu.Unlock()
	packet := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0, kind}, id)
	for _, field := range fields {
		switch v := field.(type) {
		case uint32:
			packet = binary.BigEndian.AppendUint32(packet, v)
		case uint64:
			packet = binary.BigEndian.AppendUint64(packet, v)
		case string:
			packet = append(binary.BigEndian.AppendUint32(packet, uint32(len(v))), v...)
		case []byte:
			packet = append(binary.BigEndian.AppendUint32(packet, uint32(len(v))), v...)
		}
	}
	binary.BigEndian.PutUint32(packet, uint32(len(packet)-4))
	p.enqueue(packet)
	return a
}
