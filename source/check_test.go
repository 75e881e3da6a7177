package source_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/otactl/otactl/source"
)

// check returns the problems of a file, and else its warnings.
func check(t *testing.T, o source.Options, name, content string) string {
	t.Helper()
	in(t, name, content)
	set, err := source.Collect([]string{"."}, o)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, w := range set.Warnings {
		lines = append(lines, w.String())
	}
	return strings.Join(lines, "\n")
}

func TestText(t *testing.T) {
	const binary = ": original clients cannot install a file that is not text"
	for _, test := range []struct{ name, content, want string }{
		{"a.py", "x = 1\n", ""},
		{"a.py", "x = 'gr\u00fcn'\r\n", ""},
		{"a.py", "x = 1", ""},
		{"a.py", "\xef\xbb\xbfx = 1\n", "a.py:1: starts with a byte-order mark, which MicroPython does not skip"},
		{"a.py", "x = '\ufeff'\n", ""},
		{"a.py", "x = 1\n\ny = '\xe9'\n", "a.py:3: not UTF-8 (byte 0xe9)"},
		{"a.py", "x\n\xc3", "a.py:2: not UTF-8 (byte 0xc3)"},
		{"a.py", "\xff\xfex\x00", "a.py:1: not UTF-8 (byte 0xff)"},
		{"a.py", "x = '\xed\xa0\x80'", "a.py:1: not UTF-8 (byte 0xed)"},
		{"a.py", "x = '\ufffd'\n", ""},
		{"a.py", "x\n\x00\n", "a.py:2: a NUL byte"},
		{"A.PY", "x\x00\n", "A.PY:1: a NUL byte"},
		{"a.bin", "\x00\xff", "a.bin" + binary},
		{"a.txt", "x\x00", "a.txt" + binary},
		{"a.txt", "\xef\xbb\xbfx", ""},
		{"a.py", "", "a.py: is empty"},
		{"a.py", " \n\t\n", "a.py: is empty"},
		{"__init__.py", "", ""},
		{"a.txt", "", ""},
		{"lib/a.py", "x = 1\n", "lib/a.py: original clients cannot install a file in a folder"},
	} {
		wantText(t, test.name+" "+test.content, check(t, source.Options{}, test.name, test.content), test.want)
	}
}

func TestConflicts(t *testing.T) {
	const conflict = "<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> topic\n"
	open, closing := `a.py:1: merge-conflict marker "<<<<<<<"`, `merge-conflict marker ">>>>>>>"`
	for _, test := range []struct{ content, want string }{
		{conflict, open},
		{strings.ReplaceAll(conflict, "\n", "\r\n"), open},
		{"<<<<<<<\n=======\n>>>>>>>", open},
		{"<<<<<<< HEAD\n||||||| base\n=======\n>>>>>>> x\n", open},
		{conflict + "\n" + conflict, open + "\n" + `a.py:7: merge-conflict marker "<<<<<<<"`},
		{"<<<<<<< HEAD\na = 1\n", open},
		{"a = 1\n>>>>>>> topic\n", "a.py:2: " + closing},
		{"'''\nExample\n=======\n'''\n", ""},
		{"# <<<<<<< HEAD\n", ""},
		{"x = '''\n  <<<<<<< HEAD\n'''\n", ""},
		{"'''\n<<<<<<<<<<<<<<\n>>>>>>>>>>>>>>\n'''\n", ""},
		{"'''\n>>> f()\n'''\n", ""},
		{"a = 1 <<<<<<< 2\n", ""},
	} {
		wantText(t, test.content, check(t, source.Options{}, "a.py", test.content), test.want)
	}
	wantText(t, "not Python", check(t, source.Options{}, "a.txt", conflict), "")
}

func TestPrivateKeys(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"k", "-----BEGIN PRIVATE KEY-----\n", "k:1: holds a private key (PRIVATE KEY)"},
		{"k", "x\n-----BEGIN RSA PRIVATE KEY-----\r\n", "k:2: holds a private key (RSA PRIVATE KEY)"},
		{"k", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "k:1: holds a private key (ENCRYPTED PRIVATE KEY)"},
		{"k", "-----BEGIN OPENSSH PRIVATE KEY-----", "k:1: holds a private key (OPENSSH PRIVATE KEY)"},
		{"k", "-----BEGIN EC PRIVATE KEY-----", "k:1: holds a private key (EC PRIVATE KEY)"},
		{"k", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "k:1: holds a private key (PGP PRIVATE KEY BLOCK)"},
		{"k", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "k:1: holds a private key (SSH2 ENCRYPTED PRIVATE KEY)"},
		{"k", "PuTTY-User-Key-File-3: ssh-ed25519\n", "k:1: holds a private key (PuTTY)"},
		{"a.py", "KEY = b'''-----BEGIN EC PRIVATE KEY-----\\nMHc", "a.py:1: holds a private key (EC PRIVATE KEY)"},
		{"a.bin", "\x00\xff\n-----BEGIN PRIVATE KEY-----\n", "a.bin:2: holds a private key (PRIVATE KEY)"},
		{"k", "-----BEGIN PUBLIC KEY-----\n", ""},
		{"k", "-----BEGIN CERTIFICATE-----\n", ""},
		{"k", "a private key is a secret\n", ""},
	} {
		wantText(t, test.content, check(t, source.Options{}, test.name, test.content), test.want)
	}
	const key = "-----BEGIN PRIVATE KEY-----\n"
	allowed := source.Options{AllowSecret: []string{"lib/k"}}
	wantText(t, "allowed", check(t, allowed, "lib/k", key), "lib/k: original clients cannot install a file in a folder")
	wantText(t, "another name", check(t, allowed, "k", key), "k:1: holds a private key (PRIVATE KEY)")
	wantText(t, "password", check(t, source.Options{AllowSecret: []string{"a.py"}}, "a.py", "password = 'hunter2'\n"), "")
}

// Boards want keys in DER.
func TestPrivateKeysInDER(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der := func(der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(der)
	}
	for what, key := range map[string]string{
		"PKCS #8": der(x509.MarshalPKCS8PrivateKey(e)), "SEC 1": der(x509.MarshalECPrivateKey(e)), "PKCS #1": string(x509.MarshalPKCS1PrivateKey(r)),
	} {
		wantText(t, what, check(t, source.Options{}, "k.der", key), "k.der: holds a private key (DER)")
	}
	public := der(x509.MarshalPKIXPublicKey(&e.PublicKey))
	wantText(t, "public", check(t, source.Options{}, "k.der", public), "k.der: original clients cannot install a file that is not text")
}

// testdata/passwords.txt has a line of code each, after "yes" or "no".
func TestPasswords(t *testing.T) {
	data, err := os.ReadFile("testdata/passwords.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		want, code, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		got := check(t, source.Options{}, "a.json", "\n"+code)
		if found := strings.HasPrefix(got, "a.json:2: looks like "); found != (want == "yes") || !found && got != "" {
			t.Errorf("%s: got %q", line, got)
		}
		if strings.Contains(got, "hunter2") || strings.Contains(got, "AKIA") {
			t.Errorf("the value is in the message: %s", got)
		}
	}
}
