package s3

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

const profiles = "[default]\naws_access_key_id = one\naws_secret_access_key = secret-1\n[ota]\naws_access_key_id = two\naws_secret_access_key = secret-2\n" +
	"[half]\naws_access_key_id = three\n"

// found is which key a finder finds.
func found(t *testing.T, home string, variables map[string]string) (key string, err error) {
	t.Helper()
	lookup := func(name string) (string, bool) { text, ok := variables[name]; return text, ok }
	c, err := Finder{Lookup: lookup, Home: home}.Find(t.Context())
	if err != nil {
		if strings.Contains(err.Error(), "secret-") || !is[*CredentialsError](err) {
			t.Errorf("%v", err)
		}
		return "", err
	}
	value, err := c.GetWithContext(&credentials.CredContext{})
	return value.AccessKeyID, err
}

func TestFind(t *testing.T) {
	home, empty := t.TempDir(), t.TempDir()
	file := filepath.Join(home, ".aws/credentials")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(profiles), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		home      string
		variables map[string]string
		key, says string
	}{
		{empty, nil, "", "there are none"},
		{home, nil, "one", ""},
		{home, map[string]string{"AWS_PROFILE": "ota"}, "two", ""},
		{home, map[string]string{"AWS_PROFILE": "nobody"}, "", "profile nobody"},
		{home, map[string]string{"AWS_PROFILE": "half"}, "", "must both be set"},
		{empty, map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file, "AWS_PROFILE": "ota"}, "two", ""},
		{home, map[string]string{"AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "secret-3", "AWS_PROFILE": "ota"}, "env", ""},
		{home, map[string]string{"AWS_ACCESS_KEY_ID": "env"}, "", "belong together"},
		{home, map[string]string{"AWS_SECRET_ACCESS_KEY": "secret-3"}, "", "belong together"},
		{home, map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "x"}, "", "AWS_ROLE_ARN is not set"},
	} {
		key, err := found(t, test.home, test.variables)
		if key != test.key || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %q, %v", test.variables, key, err)
		}
	}
}

// A CI job shows the token of its platform (OIDC) and gets credentials for an hour.
func TestWebIdentity(t *testing.T) {
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.Form.Get("WebIdentityToken") != "secret-token" || r.Form.Get("RoleArn") != "arn:aws:iam::1:role/ota" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>web</AccessKeyId><SecretAccessKey>secret-4</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-02T03:04:05Z</Expiration>`+
			`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	}))
	defer sts.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::1:role/ota", "AWS_ENDPOINT_URL_STS": sts.URL, "AWS_REGION": "eu-central-1",
	}
	if key, err := found(t, t.TempDir(), variables); key != "web" || err != nil {
		t.Errorf("%q, %v", key, err)
	}
	variables["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/other"
	if key, err := found(t, t.TempDir(), variables); err == nil {
		t.Errorf("%q", key)
	}
}
