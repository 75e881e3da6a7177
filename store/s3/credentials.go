package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// A CredentialsError says that there are no credentials, or that those that there are cannot be used. It never holds a secret.
type CredentialsError struct {
	Source string // where they were looked for
	Err    error
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("credentials from %s: %v", e.Source, e.Err)
}
func (e *CredentialsError) Unwrap() error { return e.Err }

// ErrNoCredentials says that there are none where the others would be.
var ErrNoCredentials = errors.New("there are none")

// A Finder finds credentials where other programs that speak S3 do.
type Finder struct {
	Lookup func(name string) (string, bool) // a variable of the environment
	Home   string
	AWS    bool // the machine itself may have a role
}

// Find takes the first of these that is there: variables, a web identity (OIDC), a profile, the role of a container or of a
// machine at AWS. Nothing is guessed from a second place if the first is wrong. Its error is a *[CredentialsError].
func (f Finder) Find(ctx context.Context) (*credentials.Credentials, error) {
	source, provider, err := f.provider()
	if err != nil {
		return nil, &CredentialsError{source, err}
	}
	found := credentials.New(provider)
	value, err := found.GetWithContext(&credentials.CredContext{Client: &http.Client{Timeout: 10 * time.Second}, Context: ctx})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && source == machine:
		return nil, &CredentialsError{machine, ErrNoCredentials}
	case err != nil:
		return nil, &CredentialsError{source, reason(err)}
	case value.AccessKeyID == "" || value.SecretAccessKey == "":
		return nil, &CredentialsError{source, ErrNoCredentials}
	}
	return found, nil
}

// machine is where we look if nobody told us where.
const machine = "the environment, profiles and this machine"

func (f Finder) provider() (source string, p credentials.Provider, err error) {
	key, secret := f.get("AWS_ACCESS_KEY_ID"), f.get("AWS_SECRET_ACCESS_KEY")
	token, role := f.get("AWS_WEB_IDENTITY_TOKEN_FILE"), f.get("AWS_ROLE_ARN")
	switch {
	case key != "" && secret != "":
		p = &credentials.Static{Value: credentials.Value{
			AccessKeyID: key, SecretAccessKey: secret, SessionToken: f.get("AWS_SESSION_TOKEN"), SignerType: credentials.SignatureV4,
		}}
		return "AWS_ACCESS_KEY_ID", p, nil
	case key != "" || secret != "":
		return "the environment", nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together, and only one is set")
	case token != "" && role == "":
		return "AWS_WEB_IDENTITY_TOKEN_FILE", nil, errors.New("AWS_ROLE_ARN is not set")
	case token != "":
		return "AWS_WEB_IDENTITY_TOKEN_FILE", f.role(), nil
	}
	if profile := f.profile(); profile != nil {
		return "profile " + profile.Profile, profile, nil
	}
	if f.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || f.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" {
		return "AWS_CONTAINER_CREDENTIALS", f.role(), nil
	}
	if !f.AWS || f.get("AWS_EC2_METADATA_DISABLED") == "true" {
		return machine, nil, ErrNoCredentials
	}
	iam := f.role()
	iam.Client = &http.Client{Timeout: 2 * time.Second} // elsewhere nobody answers
	return machine, iam, nil
}

func (f Finder) get(name string) string {
	text, _ := f.Lookup(name)
	return text
}

// role gets the credentials of a role: of a web identity, a container or a machine.
func (f Finder) role() *credentials.IAM {
	iam := &credentials.IAM{Region: f.Region()}
	if f.get("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		iam.Endpoint = f.get("AWS_ENDPOINT_URL_STS")
	}
	iam.EKSIdentity.TokenFile, iam.EKSIdentity.RoleARN = f.get("AWS_WEB_IDENTITY_TOKEN_FILE"), f.get("AWS_ROLE_ARN")
	iam.EKSIdentity.RoleSessionName = f.get("AWS_ROLE_SESSION_NAME")
	iam.Container.CredentialsRelativeURI = f.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
	iam.Container.CredentialsFullURI = f.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	iam.Container.AuthorizationToken = f.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	iam.Container.AuthorizationTokenFile = f.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	return iam
}

// profile is the one that is named, or the default one if there is a file with it. Without the file of the secrets, that of
// the configuration may say how to sign in.
func (f Finder) profile() *credentials.FileAWSCredentials {
	name := f.get("AWS_PROFILE")
	secrets := f.file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")
	if name == "" && secrets == "" {
		return nil
	}
	if name == "" {
		name = "default"
	}
	return &credentials.FileAWSCredentials{Filename: secrets, Profile: name}
}

// file is the path of a file that a variable names, or of one below the home folder; "" if it is not there.
func (f Finder) file(variable, path string) string {
	name := f.get(variable)
	if name == "" {
		name = filepath.Join(f.Home, path)
	}
	if _, err := os.Stat(name); err != nil {
		return ""
	}
	return name
}

// Region is that of the environment.
func (f Finder) Region() string {
	if region := f.get("AWS_REGION"); region != "" {
		return region
	}
	return f.get("AWS_DEFAULT_REGION")
}
