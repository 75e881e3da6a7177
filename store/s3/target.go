package s3

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/otactl/otactl/store"
)

// A Target is a prefix of a bucket. Devices fetch <prefix>/<project>/version and what that leads to.
type Target struct {
	Bucket   string
	Prefix   string // without slashes around it; "" is the whole bucket
	Endpoint string // http://host:port or https://host:port; "" is that of AWS for the region
	Region   string // "": of the environment or, on AWS, of the bucket
	// PathStyle puts the bucket into the path of URLs, not into the name of the host.
	PathStyle bool
}

// A URLError reports a URL that is no [Target]. It never holds a secret.
type URLError struct {
	URL    string // without what may be secret
	Reason string
}

func (e *URLError) Error() string { return fmt.Sprintf("target %q: %s", e.URL, e.Reason) }

// ParseURL parses s3://bucket/prefix?endpoint=URL&region=NAME&path-style=BOOL. The endpoint may do without its scheme, which
// is https then. With an endpoint, path-style is the default. Its errors are of type *[URLError].
func ParseURL(raw string) (Target, error) {
	t, err := parseURL(raw)
	if err != nil {
		return Target{}, &URLError{redact(raw), err.Error()}
	}
	return t, nil
}

func parseURL(raw string) (t Target, err error) {
	u, err := url.Parse(raw)
	if err != nil { // its text repeats the URL
		return t, fmt.Errorf("not a URL of the form s3://bucket/prefix")
	}
	if u.User != nil {
		return t, fmt.Errorf("has credentials, which would end up in logs and shell histories")
	}
	switch {
	case u.Scheme != "s3":
		return t, fmt.Errorf("does not start with s3://")
	case u.Fragment != "":
		return t, fmt.Errorf("has a #; in a prefix it is written %%23")
	case u.Host == "":
		return t, fmt.Errorf("has no bucket")
	}
	if err := s3utils.CheckValidBucketNameStrict(u.Host); err != nil {
		return t, fmt.Errorf("%q is no name of a bucket: 3 to 63 of a-z 0-9 . -", u.Host)
	}
	t = Target{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	for segment := range strings.SplitSeq(t.Prefix, "/") {
		if t.Prefix != "" && (!store.ValidSegment(segment) || segment == ".." || strings.ContainsAny(segment, "*?")) { // in a policy these are any text
			return t, fmt.Errorf("%q cannot be part of a prefix", segment)
		}
	}
	return t, t.query(u.RawQuery)
}

// query takes over what stands behind the question mark.
func (t *Target) query(raw string) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return fmt.Errorf("what stands behind the ? is not key=value&key=value")
	}
	for key, all := range values {
		if len(all) > 1 {
			return fmt.Errorf("query key %q is there twice", key)
		}
		switch key {
		case "endpoint":
			t.Endpoint, err = parseEndpoint(all[0])
		case "region":
			t.Region, err = parseRegion(all[0])
		case "path-style":
			t.PathStyle, err = strconv.ParseBool(all[0])
			if err != nil {
				err = fmt.Errorf("path-style is %q, and must be true or false", all[0])
			}
		default:
			err = fmt.Errorf("unknown query key %q; those that are known: endpoint, region, path-style", key)
		}
		if err != nil {
			return err
		}
	}
	if _, said := values["path-style"]; !said {
		t.PathStyle = t.Endpoint != ""
	}
	return nil
}

func parseEndpoint(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("the endpoint is not a URL")
	}
	switch {
	case u.User != nil:
		return "", fmt.Errorf("the endpoint has credentials, which would end up in logs and shell histories")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("the endpoint starts with %q, and must with https:// or http://", u.Scheme+"://")
	case u.Hostname() == "":
		return "", fmt.Errorf("the endpoint has no host")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("the endpoint has more than a host and a port")
	}
	return u.Scheme + "://" + u.Host, nil
}

func parseRegion(text string) (string, error) {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	if text == "" || strings.ContainsFunc(text, other) {
		return "", fmt.Errorf("%q is no name of a region", text)
	}
	return text, nil
}

// redact leaves the scheme and, if nothing stands before an @, the bucket and the prefix.
func redact(raw string) string {
	if i := strings.LastIndex(raw, "@"); i >= 0 { // first: a secret may have the others in it
		raw = "s3://***" + raw[i:]
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	return raw
}

// String returns the target as a URL that means the same.
func (t Target) String() string {
	u := url.URL{Scheme: "s3", Host: t.Bucket, Path: path.Join("/", t.Prefix)}
	var query []string
	if t.Endpoint != "" {
		query = append(query, "endpoint="+t.Endpoint)
	}
	if t.Region != "" {
		query = append(query, "region="+t.Region)
	}
	if t.PathStyle != (t.Endpoint != "") {
		query = append(query, "path-style="+strconv.FormatBool(t.PathStyle))
	}
	u.RawQuery = strings.Join(query, "&")
	return strings.TrimSuffix(u.String(), "/")
}

// Plain reports whether requests go over a network without TLS, where they can be read and held back, and answers forged.
func (t Target) Plain() bool {
	u, err := url.Parse(t.Endpoint)
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip == nil || !ip.IsLoopback()
}

func (t Target) host() string {
	if t.Endpoint == "" {
		return "s3.amazonaws.com"
	}
	_, host, _ := strings.Cut(t.Endpoint, "://")
	return host
}

func (t Target) secure() bool { return !strings.HasPrefix(t.Endpoint, "http://") }

// region is the one to sign for if nobody says which. AWS tells that of a bucket; others mostly take any.
func (t Target) region() string {
	if t.Endpoint != "" {
		return "us-east-1"
	}
	return ""
}

func (t Target) lookup() minio.BucketLookupType {
	switch {
	case t.PathStyle:
		return minio.BucketLookupPath
	case t.Endpoint == "": // a dot in the name of the bucket does not go well with certificates
		return minio.BucketLookupAuto
	}
	return minio.BucketLookupDNS
}
