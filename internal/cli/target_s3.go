package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/otactl/otactl/layout"
	"github.com/otactl/otactl/store"
	"github.com/otactl/otactl/store/s3"
)

// openBucket signs in to an object store. Nothing is asked of the bucket yet.
func (c *call) openBucket(ctx context.Context, t s3.Target) (store.Store, error) {
	if t.Plain() {
		c.ui.warn("without TLS, whoever is between here and " + t.Endpoint + " can read what is published, and forge answers")
	}
	finder := s3.Finder{Lookup: c.env.LookupEnv, Home: home(c.env), AWS: t.Endpoint == ""}
	who, err := finder.Find(ctx)
	if err != nil {
		return nil, err
	}
	return s3.New(t, s3.Options{
		Credentials: who, Region: finder.Region(), Headers: layout.Headers, Timeout: c.timeout, Written: c.written,
		Trace: func(text string) { c.ui.trace("%s", text) },
	})
}

// onBucketSettings advises on what is wrong on our side of an object store.
func onBucketSettings(err error) *advice {
	if e, ok := errors.AsType[*s3.URLError](err); ok {
		if strings.Contains(e.Reason, "credentials") {
			return advise(exitUsage, credentialsHint)
		}
		return advise(exitUsage, "a bucket is s3://bucket/prefix, with ?endpoint=https://host:port&region=NAME&path-style=true if it is not at AWS")
	}
	if _, ok := errors.AsType[*s3.CredentialsError](err); ok {
		return advise(exitUsage, credentialsHint)
	}
	return nil
}

const credentialsHint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or in CI AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE"

// bucketHint advises on what an object store has refused; "" if it was none.
func bucketHint(err error) string {
	if _, ok := errors.AsType[*s3.ConditionError](err); ok {
		return "nothing was published: this store would let a release be overwritten. README, Buckets, names some that do not"
	}
	e, ok := errors.AsType[*s3.AnswerError](err)
	if !ok {
		return ""
	}
	switch e.Code {
	case "NoSuchBucket":
		return "the bucket must exist; it is not made, because it may be a typing error"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken":
		return "are the credentials those of this store, and do they still hold?"
	case "RequestTimeTooSkewed":
		return "the clock of this machine or of the store is wrong"
	case "PermanentRedirect", "AuthorizationHeaderMalformed":
		return "is the region right? ?region=NAME in the target, or AWS_REGION"
	case "AccessDenied":
		return "the credentials need s3:GetObject, s3:PutObject and s3:DeleteObject below the prefix, and s3:ListBucket"
	case "NotImplemented":
		return "otactl needs conditional writes (If-None-Match, If-Match). README, Buckets, names some stores that have them"
	}
	return ""
}
