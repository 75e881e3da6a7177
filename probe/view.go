package probe

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
)

// look reads an answer as kindly as it can: what clients stop at is their business, this is to name it.
func look(a answer) view {
	v := view{header: http.Header{}, length: -1, err: a.err}
	in := bufio.NewReader(bytes.NewReader(a.raw))
	line, err := in.ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		if v.err == nil {
			v.err = fmt.Errorf("the answer is no HTTP: %.40q", line)
		}
		return v
	}
	v.status, _ = strconv.Atoi(words[1])
	for {
		line, err := in.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		if err != nil || line == "" {
			break
		}
		key, value, _ := strings.Cut(line, ":")
		v.add(key, value)
	}
	v.readBody(in)
	return v
}

func (v *view) readBody(in *bufio.Reader) {
	rest, _ := io.ReadAll(in) // of what is in memory
	v.body = rest
	switch {
	case v.chunks:
		body, err := unchunk(bufio.NewReader(bytes.NewReader(rest)), int64(len(rest)))
		if v.body = body; err != nil {
			v.body = rest // it only says that it is chunked
		}
	case v.length > int64(len(rest)) && v.err == nil:
		v.err = fmt.Errorf("%w: %d bytes of %d came", errEarly, len(rest), v.length)
	case v.length >= 0 && v.length <= int64(len(rest)):
		v.body = rest[:v.length]
		if errors.Is(v.err, errSilent) {
			v.err = errKeptOpen
		}
	}
}

var errKeptOpen = errors.New("the whole answer is there, and the connection stays open")

// unchunk reads a chunked body and the lines behind it.
func unchunk(in *bufio.Reader, max int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(httputil.NewChunkedReader(in), max+1))
	switch {
	case err != nil:
		return body, err
	case int64(len(body)) > max:
		return body, errEndless
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil || strings.TrimRight(line, "\r\n") == "" {
			return body, err
		}
	}
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s", status, http.StatusText(status)))
}
