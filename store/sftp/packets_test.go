package sftp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/posix"
)

// text is a content that is there at once.
func text(s string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte(s), nil }
}

// What was read over a connection that was cut anywhere is whole, or an error.
func TestCutReading(t *testing.T) {
	dir := t.TempDir()
	want := bytes.Repeat([]byte("0123456789"), 7000)
	write(t, filepath.Join(dir, "a"), string(want))
	try(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	for i := range 150 {
		write(t, filepath.Join(dir, fmt.Sprintf("d/%d", i)), "")
	}
	failed := 0
	for at := int64(100); at < 90_000; at += 1499 {
		f, err := New(t.Context(), func(ctx context.Context) (io.ReadWriteCloser, error) {
			rwc, err := openssh(t, dir)(ctx)
			w := newWire(rwc)
			w.left[0].Store(at)
			return w, err
		}, Options{Root: ".", Target: "test"})
		try(t, err)
		var lost *store.ConnError
		data, err := f.Read(t.Context(), "a", 1<<20)
		if err == nil && !bytes.Equal(data, want) || err != nil && !errors.As(err, &lost) {
			t.Errorf("cut after %d: %d bytes, %v", at, len(data), err)
		}
		infos, listErr := f.ReadDir(t.Context(), "d")
		if listErr == nil && len(infos) != 150 || listErr != nil && !errors.As(listErr, &lost) {
			t.Errorf("cut after %d: %d names, %v", at, len(infos), listErr)
		}
		if err != nil || listErr != nil {
			failed++
		}
		try(t, f.Close())
	}
	if failed == 0 {
		t.Error("nothing was cut")
	}
}

func TestFill(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		large := string(bytes.Repeat([]byte("x"), 5*chunk+1))
		files := []posix.File{{Name: "a", Mode: 0o640, Content: text("a")}, {Name: "large", Mode: 0o644, Content: text(large)}}
		try(t, f.Fill(ctx, "d", files))
		wantFile(t, filepath.Join(dir, "d/a"), "a", 0o640)
		wantFile(t, filepath.Join(dir, "d/large"), large, 0o644)
		wantIs(t, f.Fill(ctx, "absent/d", files), os.ErrNotExist)
		wantIs(t, f.Fill(ctx, "d", nil), os.ErrExist)

		refused := errors.New("not wanted any more")
		err := f.Fill(ctx, "e", []posix.File{{Name: "a", Content: func(context.Context) ([]byte, error) { return nil, refused }}})
		if err == nil {
			t.Error("a file without content was filled")
		}
		if info, err := os.Stat(filepath.Join(dir, "e/a")); err != nil || info.Size() != 0 {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

func TestInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, f *FS, dir string) {
		ctx := t.Context()
		f.Expect(ctx, ".", "absent")
		try(t, f.Fill(ctx, "tmp", []posix.File{{Name: "a", Mode: 0o644, Content: text("a")}, {Name: "b", Mode: 0o644, Content: text("b")}}))
		for i, err := range f.InOrder(ctx, posix.Step{Do: posix.Place, Old: "tmp/a", Name: "final"}, posix.Step{Do: posix.Sync, Name: "."},
			posix.Step{Do: posix.Replace, Old: "tmp/b", Name: "version"}, posix.Step{Do: posix.Sync, Name: "."},
			posix.Step{Do: posix.Place, Old: "tmp", Name: "claim"}, posix.Step{Do: posix.Sync, Name: "."}) {
			if err != nil {
				t.Errorf("step %d: %v", i, err)
			}
		}
		wantFile(t, filepath.Join(dir, "final"), "a", 0o644)
		wantFile(t, filepath.Join(dir, "version"), "b", 0o644)

		// What fails says so, and nothing else does.
		errs := f.InOrder(ctx, posix.Step{Do: posix.Sync, Name: "."}, posix.Step{Do: posix.Place, Old: "claim/absent", Name: "x"},
			posix.Step{Do: posix.Remove, Name: "version"})
		if errs[0] != nil || !errors.Is(errs[1], os.ErrNotExist) || errs[2] != nil && !errors.Is(errs[2], posix.ErrSkipped) {
			t.Errorf("%v", errs)
		}
		write(t, filepath.Join(dir, "other"), "theirs")
		errs = f.InOrder(ctx, posix.Step{Do: posix.Place, Old: "final", Name: "other"})
		wantIs(t, errs[0], os.ErrExist)
		wantFile(t, filepath.Join(dir, "other"), "theirs", 0o600)
	})
}

// FuzzAnswer reads any bytes as each kind of answer: an error, or something within the bytes.
func FuzzAnswer(f *testing.F) {
	f.Add(packet(pktStatus, 1, 4, "text", "")[4:])
	f.Add(packet(pktHandle, 1, "h")[4:])
	f.Add(packet(packetData, 1, "data")[4:])
	f.Add(packet(pktAttrs, 1, 15, uint64(5), 1, 2, 0o100644, 3, 4)[4:])
	f.Add(packet(packetName, 1, 2, "a", "long", 0, "b", "", 1, uint64(7))[4:])
	f.Add(packet(packetName, 1, 1<<30, "a", "", 0)[4:])
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) < 5 {
			return
		}
		s := &session{gone: make(chan struct{})}
		come := func() *answer {
			a := &answer{s, make(chan []byte, 1)}
			a.packet <- body
			return a
		}
		if h, err := come().handle(); err == nil && len(h) > len(body) {
			t.Errorf("a handle of %d bytes", len(h))
		}
		if d, err := come().data(); err == nil && (len(d) > len(body) || body[0] != packetData) {
			t.Errorf("%d bytes", len(d))
		}
		if infos, err := come().names(); err == nil && (len(infos) > len(body)/12 || body[0] != packetName) {
			t.Errorf("%d names", len(infos))
		}
		if _, err := come().info(); err == nil && body[0] != pktAttrs {
			t.Error("attributes")
		}
		if err := come().done(); err == nil && (body[0] != pktStatus || binary.BigEndian.Uint32(append(body[5:], 1, 1, 1, 1)) != 0) {
			t.Error("it is done")
		}
	})
}

// FuzzMix lets the client's packets come in any pieces between ours: they arrive whole.
func FuzzMix(f *testing.F) {
	f.Add([]byte("client"), 3)
	f.Add([]byte{pktInit}, 9) // INIT once more
	f.Fuzz(func(t *testing.T, body []byte, piece int) {
		if piece < 1 || len(body) == 0 || len(body) > 1000 {
			return
		}
		p, _ := newPackets()
		s := &session{packets: p, gone: make(chan struct{})}
		init := []byte{0, 0, 0, 1, pktInit}
		p.begin(init)
		theirs := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
		packets := 2
		for at := 0; at < len(theirs); at += piece {
			_, _ = p.Write(theirs[at:min(at+piece, len(theirs))])
			s.send(reqClose, "h")
			packets++
		}
		if !bytes.HasPrefix(p.queue, init) {
			t.Fatal("something is sent before INIT")
		}
		whole := false
		for q := p.queue; len(q) > 0; packets-- {
			n := 4 + int(binary.BigEndian.Uint32(q))
			if n > len(q) {
				t.Fatal("a packet is torn")
			}
			whole = whole || len(q) < len(p.queue) && bytes.Equal(q[:n], theirs)
			q = q[n:]
		}
		if !whole || packets != 0 {
			t.Errorf("whole: %v; %d packets too few", whole, packets)
		}
	})
}
