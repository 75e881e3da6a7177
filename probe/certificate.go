package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// soon is how long before its end a certificate is worth a warning: what is renewed by itself is renewed 30 days before.
const soon = 21 * 24 * time.Hour

// certificate looks at who answers, and reports whether devices can talk to him at all.
func (c *check) certificate(ctx context.Context) bool {
	at := c.site.at
	if at.scheme != "https" {
		return true
	}
	conn, err := c.site.dial(ctx, at)
	if err != nil {
		f := unreachable
		if c.newerTLS(ctx) {
			f = tlsVersion
		}
		c.report.add(f.at("", err.Error()))
		return false
	}
	defer func() { _ = conn.Close() }() // nothing is owed to it
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return true
	}
	certs := secure.ConnectionState().PeerCertificates
	c.trust(certs)
	return true
}

// trust verifies a chain, leaf first, as a device does that was given an authority.
func (c *check) trust(certs []*x509.Certificate) {
	o := x509.VerifyOptions{
		DNSName: c.site.at.host, Roots: c.site.Roots, CurrentTime: c.site.Now(), Intermediates: x509.NewCertPool(),
	}
	for _, cert := range certs[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := certs[0].Verify(o)
	var invalid x509.CertificateInvalidError
	until := certs[0].NotAfter
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		c.report.add(expired.at("", fmt.Sprintf("from %s to %s", certs[0].NotBefore.Format(time.DateOnly), until.Format(time.DateOnly))))
	case err != nil:
		c.report.add(untrusted.at("", err.Error()))
	case until.Sub(o.CurrentTime) < soon:
		c.report.add(expires.at("", "on "+until.Format(time.DateOnly)))
	}
}

// newerTLS reports whether the server answers those who speak more than TLS 1.2.
func (c *check) newerTLS(ctx context.Context) bool {
	d := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: c.site.Silence},
		Config:    &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13},
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(c.site.at.host, c.site.at.port))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
