// Package serve is a static web server for a server root: for trying releases out, and for tests. It sends the headers of
// docs/FORMAT.md, section 8, and shows nothing that devices have no business with.
//
// Whatever is asked for, the answer has a Content-Length and is never chunked or compressed, so that clients that speak
// HTTP/1.0 understand it. There are no redirects, no listings of folders, and nothing below a name that starts with a dot.
// Symbolic links are followed as long as they stay below the root.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Options say how a root is served.
type Options struct {
	User, Password string            // for Basic auth; both empty for none
	Log            func(line string) // gets one line for each answer, in the combined format of Apache and nginx
	Now            func() time.Time
	Errors         *log.Logger      // of connections, such as handshakes that fail
	Certificate    *tls.Certificate // nil for plain HTTP
	Grace          time.Duration    // how long transfers that run may take to end when the server is to stop
}

// Run answers requests on a listener, which it closes, until the context ends. Then it takes no new connections and waits
// for the transfers that run; those that take longer than Options.Grace are cut, which is a *[CutError].
func Run(ctx context.Context, l net.Listener, root *os.Root, o Options) error {
	s := &http.Server{
		Handler: Handler(root, o), ErrorLog: o.Errors,
		// A device may be slow to read, for as long as it likes, but not to ask.
		ReadHeaderTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	if o.Certificate != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*o.Certificate}, MinVersion: tls.VersionTLS12}
	}
	stopped := make(chan error, 1)
	cancel := context.AfterFunc(ctx, func() { stopped <- stop(s, o.Grace) })
	err := serve(s, l)
	if !cancel() {
		return <-stopped
	}
	return err
}

func serve(s *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}

func stop(s *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(&CutError{grace}, s.Close())
	}
	return err
}

// A CutError reports that transfers were still running at the end, and were cut.
type CutError struct{ Grace time.Duration }

func (e *CutError) Error() string {
	return "transfers took longer than " + e.Grace.String() + " to end and were cut"
}

// URL is where devices find what listens on an address. Where that is all addresses of this machine, it has the first
// that other machines may know.
func URL(addr net.Addr, isTLS bool) string {
	scheme := "http://"
	if isTLS {
		scheme = "https://"
	}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return scheme + addr.String()
	}
	return scheme + net.JoinHostPort(ownAddress(), strconv.Itoa(tcp.Port))
}

func ownAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}
