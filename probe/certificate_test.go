package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otactl/otactl/internal/testserver"
)

func TestCertificates(t *testing.T) {
	root, release := published(t)
	now := time.Now()
	pool, ca, caKey := authority(t, now)
	_, otherCA, otherKey := authority(t, now)
	for _, c := range []struct {
		name  string
		from  *x509.Certificate
		key   *ecdsa.PrivateKey
		host  string
		until time.Duration
		more  string
		found []string
	}{
		{"good", ca, caKey, "127.0.0.1", 90 * 24 * time.Hour, "", nil},
		{"expires", ca, caKey, "127.0.0.1", 20 * 24 * time.Hour, "", []string{"warning certificate-expires"}},
		{"expired", ca, caKey, "127.0.0.1", -time.Hour, "", []string{"error certificate-expired"}},
		{"other name", ca, caKey, "10.9.8.7", 90 * 24 * time.Hour, "", []string{"error certificate"}},
		{"untrusted", otherCA, otherKey, "127.0.0.1", 90 * 24 * time.Hour, "", []string{"error certificate"}},
		{"too new", ca, caKey, "127.0.0.1", 90 * 24 * time.Hour, "ssl_protocols TLSv1.3;", []string{"error tls-version"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			leaf(t, dir, c.from, c.key, net.ParseIP(c.host), now.Add(c.until))
			tls := "ssl_certificate " + dir + "/cert.pem; ssl_certificate_key " + dir + "/key.pem; " + c.more
			text := strings.Replace(block(tls, "", ""), "listen 80;", "listen 80 ssl;", 1)
			s := site(t, "https://"+testserver.NginxWith(t, root, text), func(o *Config) { o.Roots = pool })
			report := live(t, s, &release)
			if got := codes(report); !slices.Equal(got, c.found) {
				t.Errorf("%q, want %q\n%s", got, c.found, dump(report))
			}
		})
	}
}

func authority(t *testing.T, now time.Time) (*x509.CertPool, *x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: now.Add(-999 * time.Hour),
		NotAfter: now.Add(9999 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return pool, ca, key
}

// leaf writes cert.pem and key.pem.
func leaf(t *testing.T, dir string, ca *x509.Certificate, caKey *ecdsa.PrivateKey, ip net.IP, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(until.UnixNano()), Subject: pkix.Name{CommonName: "a server"}, NotBefore: ca.NotBefore, NotAfter: until,
		IPAddresses: []net.IP{ip}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}
