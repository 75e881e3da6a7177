package proofs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	a := authority{key: newKey(t)}
	a.cert = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a.key)
	return a
}

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign signs a certificate for a key, by its own key if there is no authority yet.
func (a authority) sign(t testing.TB, cert *x509.Certificate, key *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	cert.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent := a.cert
	if parent == nil {
		parent = cert
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// serve lets a site speak TLS as a host, with a certificate that ends at a time. It returns its URL.
func (a authority) serve(t testing.TB, s *site, host string, end time.Time) string {
	t.Helper()
	key := newKey(t)
	cert := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key)
	server := httptest.NewUnstartedServer(s)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// TestTLS lets a board update over TLS from servers that it may trust, and from others.
func TestTLS(t *testing.T) {
	known, unknown := newAuthority(t), newAuthority(t)
	soon := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		by   authority
		host string
		end  time.Time
		ca   string
		want string
	}{
		"right":             {known, "localhost", soon, "'ca.der'", moves},
		"another authority": {unknown, "localhost", soon, "'ca.der'", stays},
		"another host":      {known, "example.org", soon, "'ca.der'", stays},
		"expired":           {known, "localhost", time.Now().Add(-24 * time.Hour), "'ca.der'", stays},
		"ca is no CA":       {known, "localhost", soon, "b'noise'", stays},
		"ca is not there":   {known, "localhost", soon, "'nowhere'", stays},
		"not verified":      {unknown, "localhost", soon, "None", moves},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, both(t)...)
			b := newVeteran(t)
			b.heap = 256
			url := c.by.serve(t, s, c.host, c.end)
			b.write(t, tree{"ca.der": string(known.cert.Raw)}.with(conf(url, "ca = "+c.ca, "timeout = 5")))
			told := b.start(t, 3)
			checkWhole(t, b, c.want)
			if log, _, _ := s.seen(); c.want == stays && len(log) > 0 {
				t.Errorf("asked for %s", log[0].path)
			}
			if t.Failed() {
				t.Log(tail(told.text))
			}
		})
	}
}

// TestPlainWithCA is plain HTTP with a ca that is not needed, and a redirect to and from TLS.
func TestPlainWithCA(t *testing.T) {
	a := newAuthority(t)
	for name, c := range map[string]struct{ base, to, want string }{
		"no TLS":           {"http", "", moves},
		"redirect to TLS":  {"http", "https", moves},
		"redirect off TLS": {"https", "http", stays},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, other := newSite(t, both(t)...), newSite(t, both(t)...)
			urls := map[string]string{"http": s.URL, "https": a.serve(t, s, "localhost", time.Now().Add(time.Hour))}
			others := map[string]string{"http": other.URL, "https": a.serve(t, other, "localhost", time.Now().Add(time.Hour))}
			if c.to != "" {
				s.spoil(everywhere(redirectTo(others[c.to])))
			}
			b := newVeteran(t)
			b.heap = 256
			b.write(t, tree{"ca.der": string(a.cert.Raw)}.with(conf(urls[c.base], "ca = 'ca.der'", "timeout = 5")))
			told := b.start(t, 3)
			checkWhole(t, b, c.want)
			if t.Failed() {
				t.Log(tail(told.text))
			}
		})
	}
}
