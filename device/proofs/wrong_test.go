package proofs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a server, a proxy, a portal or a bad line does to an answer.

// raw answers with exactly what write writes, and closes the connection.
func raw(write func(c *net.TCPConn, content []byte)) handler {
	return func(w http.ResponseWriter, _ *http.Request, content []byte) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return // the server is being closed
		}
		defer conn.Close()
		if c, ok := conn.(*net.TCPConn); ok {
			write(c, content)
		}
	}
}

// fill puts into an answer the content for {}, its first half for {half}, its length for {n}, and 3 more and less than that
// for {more} and {less}.
func fill(answer string, content []byte) string {
	n := len(content)
	return strings.NewReplacer("{}", string(content), "{half}", string(content[:n/2]),
		"{n}", fmt.Sprint(n), "{more}", fmt.Sprint(n+3), "{less}", fmt.Sprint(n-3)).Replace(answer)
}

// text answers with exactly this text, filled.
func text(answer string) handler {
	return raw(func(c *net.TCPConn, content []byte) { _, _ = io.WriteString(c, fill(answer, content)) })
}

// part answers well until so many bytes of the content (from its end, if negative) were sent, and closes the connection.
func part(n int) handler {
	return raw(func(c *net.TCPConn, content []byte) { sendPart(c, content, n) })
}

func sendPart(c io.Writer, content []byte, n int) {
	if n < 0 {
		n += len(content)
	}
	n = min(max(n, 0), len(content))
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content[:n])
}

// reset sends so many bytes of the content and then a reset.
func reset(n int) handler {
	return raw(func(c *net.TCPConn, content []byte) {
		if n > 0 {
			sendPart(c, content, n)
		}
		_ = c.SetLinger(0)
	})
}

// stall sends a text, filled, and then nothing more until the client goes away.
func stall(answer string) handler {
	return raw(func(c *net.TCPConn, content []byte) {
		_, _ = io.WriteString(c, fill(answer, content))
		_, _ = io.Copy(io.Discard, c)
	})
}

// drip sends a good answer byte by byte, so slowly that no single read takes too long: from its first byte, or from the body on.
func drip(fromBody bool) handler {
	return raw(func(c *net.TCPConn, content []byte) {
		_ = c.SetNoDelay(true)
		top := fill("HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n", content)
		if fromBody {
			_, _ = io.WriteString(c, top)
			top = ""
		}
		for _, b := range append([]byte(top), content...) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // this is the fault
		}
	})
}

// endless sends a text and then another one again and again, until the client goes away or has taken more than any may.
func endless(first, again string) handler {
	return raw(func(c *net.TCPConn, _ []byte) {
		w := bufio.NewWriter(c)
		_, err := w.WriteString(first)
		for sent := 0; err == nil && sent < 64<<20; sent += len(again) {
			_, err = w.WriteString(again)
		}
	})
}

// status answers with a status and a page.
func status(code int) handler {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) { http.Error(w, "<html>no</html>", code) }
}

// page answers with another content and status 200.
func page(content string) handler {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) { good(w, r, []byte(content)) }
}

// portal is what a hotel's Wi-Fi says to every request.
const portal = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>Please log in</body></html>\n"

// changed serves the content as f changes it.
func changed(f func(content []byte) []byte) handler {
	return func(w http.ResponseWriter, r *http.Request, content []byte) { good(w, r, f(content)) }
}

// flip flips a bit of the byte at n, from the end if negative.
func flip(n int, bit byte) handler {
	return changed(func(content []byte) []byte {
		content = bytes.Clone(content)
		at := n
		if at < 0 {
			at += len(content)
		}
		content[at] ^= bit
		return content
	})
}

// chunked sends the content in pieces of so many bytes.
func chunked(size int) handler {
	return raw(func(c *net.TCPConn, content []byte) {
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for len(content) > 0 {
			n := min(size, len(content))
			fmt.Fprintf(c, "%x;note=\"a;b\"\r\n%s\r\n", n, content[:n])
			content = content[n:]
		}
		fmt.Fprint(c, "0\r\nTrailer: yes\r\n\r\n")
	})
}

// zipped sends the content compressed, as some proxies do without being asked.
func zipped(w http.ResponseWriter, _ *http.Request, content []byte) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(content)
	_ = z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(b.Bytes())
}

// partial answers with status 206 and a wrong range, whatever was asked for.
func partial(w http.ResponseWriter, _ *http.Request, content []byte) {
	half := content[len(content)/2:]
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", len(content)/2, len(content)-1, len(content)))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(half)
}

// moved redirects to what where makes of the path.
func moved(code int, header string, where func(r *http.Request) string) handler {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header()[header] = []string{where(r)} // not by Set, which would write it as it should be
		w.WriteHeader(code)
	}
}

// hops redirects so many times before it answers.
func hops(n int) handler {
	return func(w http.ResponseWriter, r *http.Request, content []byte) {
		done, _ := strconv.Atoi(r.URL.RawQuery)
		if done == n {
			good(w, r, content)
			return
		}
		moved(302, "Location", func(r *http.Request) string { return fmt.Sprintf("%s?%d", r.URL.Path, done+1) })(w, r, nil)
	}
}

// redirectTo redirects to the same path on another server.
func redirectTo(base string) handler {
	return moved(302, "Location", func(r *http.Request) string { return base + r.URL.Path })
}

// movedSuffix ends the path under which a site has everything once more.
const movedSuffix = ".moved"

func besides(r *http.Request) string { return r.URL.Path + movedSuffix }
