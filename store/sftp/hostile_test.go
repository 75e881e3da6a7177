package sftp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/store"
)

// Packets of SFTP version 3 that the servers here look at or send.
const (
	pktInit    = 1
	pktVersion = 2
	pktOpen    = 3
	pktRead    = 5
	pktOpendir = 11
	pktReaddir = 12
	pktStat    = 17
	pktStatus  = 101
	pktHandle  = 102
	pktAttrs   = 105
)

// A script answers a request with packets, header and all.
type script func(kind byte, id uint32) []byte

// scripted is a server that follows a script once it has been greeted.
func scripted(answer script) Opener {
	return func(context.Context) (io.ReadWriteCloser, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			for {
				head := make([]byte, 4)
				if _, err := io.ReadFull(server, head); err != nil {
					return
				}
				body := make([]byte, binary.BigEndian.Uint32(head))
				if _, err := io.ReadFull(server, body); err != nil {
					return
				}
				reply := packet(pktVersion, 3)
				if body[0] != pktInit {
					reply = answer(body[0], binary.BigEndian.Uint32(body[1:]))
				}
				if _, err := server.Write(reply); err != nil {
					return
				}
			}
		}()
		return client, nil
	}
}

// packet makes a packet of numbers and strings.
func packet(kind byte, fields ...any) []byte {
	body := []byte{kind}
	for _, field := range fields {
		switch v := field.(type) {
		case int:
			body = binary.BigEndian.AppendUint32(body, uint32(v))
		case uint32:
			body = binary.BigEndian.AppendUint32(body, v)
		case uint64:
			body = binary.BigEndian.AppendUint64(body, v)
		case string:
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(v))), v...)
		}
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

const statSize = 1 // the flag of an attribute: a size follows

func wantHostile(t *testing.T, err error, want string) {
	t.Helper()
	var refused *store.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestEndlessListing(t *testing.T) {
	names := []any{0, 1000}
	for i := range 1000 {
		names = append(names, fmt.Sprintf("%0200d", i), "", 0)
	}
	page := packet(packetName, names...)
	f := connect(t, scripted(func(kind byte, id uint32) []byte {
		switch kind {
		case pktOpendir:
			return packet(pktHandle, id, "h")
		case pktReaddir:
			binary.BigEndian.PutUint32(page[5:], id)
			return page
		}
		return packet(pktStatus, id, 0, "", "")
	}), Options{Root: "/"})
	_, err := f.ReadDir(t.Context(), "p")
	wantHostile(t, err, `test: list "p": a listing does not end after 64 MiB`)
}

// Names are not judged here, but a slash never gets through.
func TestHostileNames(t *testing.T) {
	sent := false
	f := connect(t, scripted(func(kind byte, id uint32) []byte {
		switch {
		case kind == pktOpendir:
			return packet(pktHandle, id, "h")
		case kind == pktReaddir && !sent:
			sent = true
			return packet(packetName, id, 4, "../../etc/passwd", "", 0, "a\x1b[31m", "", 0, "..", "", 0, "", "", 0)
		case kind == pktReaddir:
			return packet(pktStatus, id, 1, "", "")
		}
		return packet(pktStatus, id, 0, "", "")
	}), Options{Root: "/"})
	infos, err := f.ReadDir(t.Context(), "p")
	try(t, err)
	var got []string
	for _, info := range infos {
		got = append(got, info.Name)
	}
	if fmt.Sprintf("%q", got) != `["passwd" "a\x1b[31m" "."]` {
		t.Errorf("%q", got)
	}
}

// reading is a server with one file of a size, whose content is as the script says.
func reading(size uint64, data script) Opener {
	return scripted(func(kind byte, id uint32) []byte {
		switch kind {
		case pktOpen:
			return packet(pktHandle, id, "h")
		case pktStat:
			return packet(pktAttrs, id, statSize, size)
		case pktRead:
			return data(kind, id)
		}
		return packet(pktStatus, id, 0, "", "")
	})
}

func TestEndlessFile(t *testing.T) {
	page := strings.Repeat("x", chunk)
	f := connect(t, reading(10, func(_ byte, id uint32) []byte { return packet(packetData, id, page) }), Options{Root: "/"})
	var large *store.TooLargeError
	if _, err := f.Read(t.Context(), "version", 100_000); !errors.As(err, &large) {
		t.Errorf("got %v", err)
	}
	f = connect(t, reading(10, func(_ byte, id uint32) []byte { return packet(packetData, id, "") }), Options{Root: "/"})
	_, err := f.Read(t.Context(), "version", 100)
	wantHostile(t, err, `test: read "version": a data packet without data came`)
	f = connect(t, reading(1<<63, nil), Options{Root: "/"})
	if _, err := f.Read(t.Context(), "version", 100); !errors.As(err, &large) {
		t.Errorf("got %v", err)
	}
}

func TestNonsense(t *testing.T) {
	for name, answer := range map[string]script{
		"wrong id":       func(_ byte, id uint32) []byte { return packet(pktStatus, id+7, 0, "", "") },
		"text":           func(byte, uint32) []byte { return []byte("Welcome to the server!\n") },
		"huge":           func(byte, uint32) []byte { return []byte{0xff, 0xff, 0xff, 0xff, 1} },
		"empty":          func(byte, uint32) []byte { return []byte{0, 0, 0, 0} },
		"short":          func(byte, uint32) []byte { return []byte{0, 0, 0, 2, pktStatus, 0} },
		"wrong kind":     func(_ byte, id uint32) []byte { return packet(pktHandle, id, "h") },
		"unknown kind":   func(_ byte, id uint32) []byte { return packet(77, id) },
		"short attrs":    func(_ byte, id uint32) []byte { return packet(pktAttrs, id, 15) },
		"status no text": func(_ byte, id uint32) []byte { return packet(pktStatus, id, 99) },
	} {
		t.Run(name, func(t *testing.T) {
			f := connect(t, scripted(answer), Options{Root: "/"})
			_, err := f.Stat(t.Context(), "a")
			wantHostile(t, err, `test: stat "a": `)
		})
	}
}

// "Ok" is no answer to a question for a value.
func TestOKForAValue(t *testing.T) {
	f := connect(t, scripted(func(_ byte, id uint32) []byte { return packet(pktStatus, id, 0, "", "") }), Options{Root: "/"})
	ctx := t.Context()
	_, stat := f.Stat(ctx, "a")
	_, lstat := f.Lstat(ctx, "a")
	_, read := f.Read(ctx, "a", 10)
	for _, err := range []error{stat, lstat, read, f.Write(ctx, "a", 0o644, nil)} {
		wantHostile(t, err, errNoValue.what)
	}
}

func TestOKForData(t *testing.T) {
	f := connect(t, reading(5, func(_ byte, id uint32) []byte { return packet(pktStatus, id, 0, "", "") }), Options{Root: "/"})
	data, err := f.Read(t.Context(), "a", 10)
	if data != nil {
		t.Errorf("read %q", data)
	}
	wantHostile(t, err, errNoValue.what)
}

// A message of the server is shown in quotes.
func TestStatusText(t *testing.T) {
	f := connect(t, scripted(func(_ byte, id uint32) []byte { return packet(pktStatus, id, 4, "\x1b[2Jall is well", "") }), Options{Root: "/"})
	err := f.Remove(t.Context(), "a")
	if want := `test: remove "a": sftp: "\x1b[2Jall is well" (SSH_FX_FAILURE)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzServer lets a server answer every request with the same bytes, in which the id is put in its place. Nothing may
// hang or crash, and nothing may look like success by accident of a panic.
func FuzzServer(f *testing.F) {
	f.Add([]byte{pktStatus, 0, 0, 0, 0, 0, 0, 0, 4})
	f.Add([]byte{pktStatus, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(packet(pktAttrs, 0, 15, uint64(5), 0, 0, 0o100644, 0, 0)[4:])
	f.Add(packet(packetName, 0, 1, "a", "", 0)[4:])
	f.Add(packet(packetData, 0, "x")[4:])
	f.Add(packet(pktHandle, 0, "h")[4:])
	f.Fuzz(func(t *testing.T, body []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		fsys, err := New(ctx, scripted(func(_ byte, id uint32) []byte {
			if n++; n > 1000 { // it would go on for ever: a file or a folder without an end
				return []byte{0, 0, 0, 0}
			}
			reply := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
			if len(body) >= 5 {
				binary.BigEndian.PutUint32(reply[5:], id)
			}
			return reply
		}), Options{Root: "/"})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fsys.Read(ctx, "a", 10)
		_, _ = fsys.ReadDir(ctx, "a")
		_, _ = fsys.Lstat(ctx, "a")
		_ = fsys.Write(ctx, "a", 0o644, []byte("text"))
		_ = fsys.Mkdir(ctx, "a", 0o755)
		_ = fsys.Place(ctx, "a", "b")
		_ = fsys.Remove(ctx, "a")
		if ctx.Err() != nil {
			t.Error("it hung")
		}
		_ = fsys.Close()
	})
}

// The guard sees the same whatever the pieces are in which the bytes come.
func FuzzGuard(f *testing.F) {
	f.Add(bytes.Join([][]byte{packet(packetData, 1, "x"), packet(packetName, 2, 0), packet(packetData, 3, "")}, nil), 3)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		if piece < 1 || piece > 1<<20 {
			return
		}
		whole := (&guard{}).look(stream)
		g := &guard{}
		var pieces error
		for at := 0; at < len(stream) && pieces == nil; at += piece {
			pieces = g.look(stream[at:min(at+piece, len(stream))])
		}
		if fmt.Sprint(whole) != fmt.Sprint(pieces) {
			t.Errorf("at once %v, in pieces of %d %v", whole, piece, pieces)
		}
	})
}
