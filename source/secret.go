package source

import (
	"bytes"
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

func allowsSecrets(f File, o Options) bool { return slices.Contains(o.AllowSecret, f.Name) }

var (
	// PEM blocks of all kinds, OpenSSH's and PGP's among them, and the older form of ssh.com with four dashes.
	pemKey   = regexp.MustCompile(`---- ?BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?) ?----`)
	puttyKey = regexp.MustCompile(`PuTTY-User-Key-File-[0-9]+:`)
)

// checkPrivateKey reports the first private key in a file. What looks like the first line of one is one.
func checkPrivateKey(f File) error {
	if m := pemKey.FindSubmatchIndex(f.Data); m != nil {
		return &SecretError{f.Path, f.Name, lineAt(f.Data, m[0]), string(f.Data[m[2]:m[3]])}
	}
	if m := puttyKey.FindIndex(f.Data); m != nil {
		return &SecretError{f.Path, f.Name, lineAt(f.Data, m[0]), "PuTTY"}
	}
	if isDERKey(f.Data) {
		return &SecretError{Path: f.Path, Name: f.Name, Kind: "DER"}
	}
	return nil
}

// isDERKey reports whether a file is one key in DER, the form that the TLS of most boards wants.
func isDERKey(data []byte) bool {
	if len(data) > 16<<10 || !bytes.HasPrefix(data, []byte{0x30}) {
		return false
	}
	_, pkcs8 := x509.ParsePKCS8PrivateKey(data)
	_, pkcs1 := x509.ParsePKCS1PrivateKey(data)
	_, ec := x509.ParseECPrivateKey(data)
	return pkcs8 == nil || pkcs1 == nil || ec == nil
}

var (
	// assignment is a name that gets a quoted value: a = "b", a: str = 'b', "a": "b", d["a"] = "b", f(a="b").
	assignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)["']?\]?\s*(?::\s*[A-Za-z_][\w.\[\]]*\s*)?(?:=|:=?)\s*[bBrRuU]{0,2}` +
		`("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')`)
	// secretName is a name whose value is secret. The last word decides: pass_count and token_url are not. What other words
	// end in (compass, bypass) has to be a word of its own.
	secretName = regexp.MustCompile(`(?i)(?:password|passwd|passphrase|secret|api_?key|access_?key|secret_?key|private_?key|` +
		`auth_?key|wifi_?key|wlan_?key|wpa_?key|app_?s?key|nwk_?s?key|(?:^|_)(?:pass|pwd|psk|token)|` +
		`(?-i:[a-z0-9](?:Pass|Pwd|Psk|PSK|Token)))_?[0-9]*$`)
	placeholder = regexp.MustCompile(`(?i)\b(?:your|change|placeholder|dummy|(?:insert|replace|enter|todo)(?:\b|_))|example|xxx|\.\.\.|\*\*\*|` +
		`^(?:none|null|test|\s*)$|^<.*>$|^https?://|[{}]|%s`)
	awsKeyID = regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)
)

// hints are what a line must have one of, in lower case, to be worth the time of a regular expression.
var hints = [][]byte{[]byte("pass"), []byte("pwd"), []byte("psk"), []byte("secret"), []byte("token"), []byte("key"), []byte("akia"), []byte("asia")}

// findPasswords warns of each line that looks as if it held a password. It errs on the quiet side: with --strict, a
// warning stops a publish. The value is never part of a message.
func findPasswords(f File) (ws []Warning) {
	n := 0
	for line := range bytes.Lines(f.Data) {
		n++
		if what := passwordIn(line); what != "" {
			ws = append(ws, Warning{Path: f.Path, Line: n, Text: "looks like " + what + "; everybody who reaches the server can read it"})
		}
	}
	return ws
}

// maxCodeLine is the longest line that is looked at, in bytes. Nobody writes longer ones, and they would cost time.
const maxCodeLine = 64 << 10

func passwordIn(line []byte) (what string) {
	if len(line) > maxCodeLine {
		return ""
	}
	lower := bytes.ToLower(line)
	if !slices.ContainsFunc(hints, func(hint []byte) bool { return bytes.Contains(lower, hint) }) {
		return ""
	}
	if id := awsKeyID.Find(line); id != nil && !placeholder.Match(id) {
		return "an AWS access key"
	}
	for _, m := range assignment.FindAllSubmatch(line, -1) {
		name, value := string(m[1]), string(m[2][1:len(m[2])-1])
		if secretName.MatchString(name) && !isPlaceholder(value) {
			return "a password (" + name + ")"
		}
	}
	return ""
}

// isPlaceholder reports what nobody has as a password: nothing, an example, or the name of a thing instead of it
// ("password", "WiFi password:").
func isPlaceholder(value string) bool {
	if placeholder.MatchString(value) || strings.Trim(value, value[:min(1, len(value))]) == "" {
		return true
	}
	letters := strings.TrimFunc(value, func(r rune) bool { return !unicode.IsLetter(r) })
	return !strings.ContainsFunc(value, unicode.IsDigit) && secretName.MatchString(strings.ReplaceAll(letters, " ", "_"))
}
