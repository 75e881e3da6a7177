package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"log"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/otactl/otactl/serve"
)

const (
	defaultAddr = "127.0.0.1:8080"
	serveGrace  = 10 * time.Second
)

// A serveOutcome is the answer to serve, when it has ended. Its lines were printed before: the URL, and the access log.
type serveOutcome struct {
	URL      string `json:"url"`
	Requests int64  `json:"requests"`
}

func (o *serveOutcome) lines() []string { return nil }

func runServe(ctx context.Context, c *call) (_ outcome, err error) {
	if len(c.args) != 1 {
		return nil, usageError("otactl serve DIR", "serve takes one folder, not %d", len(c.args))
	}
	o, err := c.serveOptions()
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(c.args[0])
	if err != nil {
		return nil, usageError("it is the server root, which otactl publishes to", "%v", err)
	}
	defer func() { _ = root.Close() }() // it was only read
	addr := cmp.Or(c.addr, defaultAddr)
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, usageError("another one: --addr 127.0.0.1:0 takes any port that is free", "%v", err)
	}
	outcome := &serveOutcome{URL: serve.URL(l.Addr(), o.Certificate != nil)}
	var requests atomic.Int64
	o.Log = func(line string) {
		requests.Add(1)
		c.ui.result(line)
	}
	c.ui.result(outcome.URL)
	c.ui.trace("serving %s at %s", c.args[0], outcome.URL)
	err = serve.Run(ctx, l, root, o)
	outcome.Requests = requests.Load()
	return outcome, err
}

func (c *call) serveOptions() (o serve.Options, err error) {
	o = serve.Options{
		User: c.user, Password: c.secrets.serve, Now: c.env.Now, Grace: serveGrace,
		Errors: log.New(warnWriter{c.ui}, "", 0),
	}
	if (o.User == "") != (o.Password == "") {
		return o, usageError("--user NAME and the variable OTACTL_SERVE_PASSWORD go together", "a user without a password, or a password without a user")
	}
	if !c.tlsCert.isSet() && !c.tlsKey.isSet() {
		return o, nil
	}
	if !c.tlsCert.isSet() || !c.tlsKey.isSet() {
		return o, usageError("--tls-cert FILE and --tls-key FILE go together, both PEM", "a certificate without a key, or a key without a certificate")
	}
	certificate, err := tls.LoadX509KeyPair(c.tlsCert.text, c.tlsKey.text)
	if err != nil {
		return o, usageError("--tls-cert is a PEM file with the chain, --tls-key one with the key", "%v", err)
	}
	o.Certificate = &certificate
	return o, nil
}

// A warnWriter makes each write, of one line, a warning.
type warnWriter struct{ ui *console }

// Write implements io.Writer.
func (w warnWriter) Write(line []byte) (int, error) {
	w.ui.warn(strings.TrimSpace(string(line)))
	return len(line), nil
}
