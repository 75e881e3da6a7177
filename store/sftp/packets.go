package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"github.com/otactl/otactl/store/posix"
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

// An answer is on its way.
type answer struct {
	s      *session
	packet chan []byte
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

// wait returns what follows the id of the answer if it is of this kind. A STATUS instead of it is an error.
func (a *answer) wait(kind byte) (*fields, error) {
	var packet []byte
	select {
	case packet = <-a.packet:
	case <-a.s.gone:
		select { // it may have come before the end
		case packet = <-a.packet:
		default:
			return nil, a.s.cause
		}
	}
	f := &fields{rest: packet[5:]}
	if packet[0] == ansStatus {
		err := status(f.uint32(), f)
		if err == nil && kind != ansStatus {
			err = errNoValue
		}
		if f.short && err == nil {
			err = errNoSense
		}
		return f, err
	}
	if packet[0] != kind {
		return nil, errNoSense
	}
	return f, nil
}

var errNoSense = &hostileError{"the server sent a packet that makes no sense"}

// done waits for an answer without a value.
func (a *answer) done() error {
	_, err := a.wait(ansStatus)
	return err
}

// handle waits for the handle of what was opened.
func (a *answer) handle() (string, error) {
	f, err := a.wait(ansHandle)
	if err != nil {
		return "", err
	}
	return f.string(), f.err()
}

// data waits for what was read; errEnd if there is no more.
func (a *answer) data() (string, error) {
	f, err := a.wait(packetData)
	if err != nil {
		return "", err
	}
	return f.string(), f.err()
}

// info waits for attributes.
func (a *answer) info() (posix.Info, error) {
	f, err := a.wait(ansAttrs)
	if err != nil {
		return posix.Info{}, err
	}
	return f.info(""), f.err()
}

// names waits for a part of a listing; errEnd if there is no more.
func (a *answer) names() (infos []posix.Info, err error) {
	f, err := a.wait(packetName)
	if err != nil {
		return nil, err
	}
	for n := f.uint32(); n > 0 && !f.short; n-- {
		name := f.string()
		f.string() // the same for people
		info := f.info(path.Base(name))
		if name != "." && name != ".." {
			infos = append(infos, info)
		}
	}
	return infos, f.err()
}

// fields are read one after the other. Behind the end everything is 0.
type fields struct {
	rest  []byte
	short bool
}

func (f *fields) take(n uint32) []byte {
	if uint64(len(f.rest)) < uint64(n) {
		f.rest, f.short = nil, true
		return nil
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) uint64() uint64 { return uint64(f.uint32())<<32 | uint64(f.uint32()) }

func (f *fields) string() string { return string(f.take(f.uint32())) }

func (f *fields) err() error {
	if f.short {
		return errNoSense
	}
	return nil
}

// info reads attributes.
func (f *fields) info(name string) posix.Info {
	info := posix.Info{Name: name, NoPerm: true}
	flags := f.uint32()
	if flags&attrSize != 0 {
		info.Size = int64(f.uint64())
	}
	if flags&attrOwner != 0 {
		f.uint64()
	}
	if flags&attrPermissions != 0 {
		mode := f.uint32()
		info.Mode, info.NoPerm = (&sftp.FileStat{Mode: mode}).FileMode(), mode == 0
	}
	if flags&attrTimes != 0 {
		f.uint32()
		info.ModTime = time.Unix(int64(f.uint32()), 0)
	}
	if flags&attrExtended != 0 {
		for n := f.uint32(); n > 0 && !f.short; n-- {
			f.string()
			f.string()
		}
	}
	return info
}

// errEnd is what the server says at the end of a file or of a listing. It is not io.EOF: a connection that ends is that, too.
var errEnd = errors.New("there is no more")

// A statusError is what a server says that it could not do.
type statusError struct {
	code uint32
	text string
}

func (e *statusError) Error() string {
	name, ok := statusNames[e.code]
	if !ok {
		name = fmt.Sprintf("status %d", e.code)
	}
	return fmt.Sprintf("sftp: %q (%s)", e.text, name)
}

var statusNames = map[uint32]string{
	statusFailure: "SSH_FX_FAILURE", statusBadMessage: "SSH_FX_BAD_MESSAGE", statusUnsupported: "SSH_FX_OP_UNSUPPORTED",
}

// status is the error that a code stands for.
func status(code uint32, f *fields) error {
	switch code {
	case 0:
		return nil
	case 1:
		return errEnd
	case 2:
		return fs.ErrNotExist
	case 3:
		return fs.ErrPermission
	}
	return &statusError{code, f.string()}
}
