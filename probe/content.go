package probe

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"unicode/utf16"

	"github.com/otactl/otactl/layout"
)

// An alteration is how a body differs from what was published.
type alteration struct {
	finding Finding
	why     string
}

// differs compares a body with a file. nil says that it is the same, or that nothing is known of the file.
func differs(body []byte, want layout.File) *alteration {
	if want.SHA256 == "" || isFile(body, want) {
		return nil
	}
	for _, a := range alterations {
		if back := a.undo(body); back != nil && isFile(back, want) {
			return &alteration{a.finding, a.why}
		}
	}
	if int64(len(body)) != want.Size {
		return &alteration{otherBytes, fmt.Sprintf("%d bytes came, and %d were published", len(body), want.Size)}
	}
	return &alteration{otherBytes, fmt.Sprintf("as long, but its SHA-256 is %.8x..., not %.16s...", sha256.Sum256(body), want.SHA256)}
}

func isFile(body []byte, want layout.File) bool {
	sum := sha256.Sum256(body)
	return int64(len(body)) == want.Size && hex.EncodeToString(sum[:]) == want.SHA256
}

// described is what is to come where bytes are known.
func described(data []byte) layout.File {
	sum := sha256.Sum256(data)
	return layout.File{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

// alterations are what servers do to files. To undo the right one gives the file back.
var alterations = []struct {
	finding Finding
	why     string
	undo    func([]byte) []byte // nil if it was surely not done
}{
	{compressed, "the body is compressed", gunzip},
	{lineEnds, "LF became CR LF", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }},
	{lineEnds, "CR LF became LF", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }},
	{transcoded, "a byte-order mark was added", func(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }},
	{transcoded, "UTF-8 became Latin-1", fromLatin1},
	{transcoded, "the text was encoded as UTF-8 twice", toLatin1},
	{transcoded, "UTF-8 became UTF-16", fromUTF16},
}

func gunzip(body []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err != nil {
		return nil
	}
	return data
}

func fromLatin1(body []byte) []byte {
	runes := make([]rune, len(body))
	for i, b := range body {
		runes[i] = rune(b)
	}
	return []byte(string(runes))
}

func toLatin1(body []byte) []byte {
	var data []byte
	for _, r := range string(body) {
		if r > 0xff {
			return nil
		}
		data = append(data, byte(r))
	}
	return data
}

func fromUTF16(body []byte) []byte {
	if len(body)%2 != 0 || len(body) < 2 {
		return nil
	}
	little := body[0] == 0xff && body[1] == 0xfe
	units := make([]uint16, 0, len(body)/2)
	for i := 0; i < len(body); i += 2 {
		unit := uint16(body[i])<<8 | uint16(body[i+1])
		if little {
			unit = unit>>8 | unit<<8
		}
		if unit != 0xfeff {
			units = append(units, unit)
		}
	}
	return []byte(string(utf16.Decode(units)))
}
