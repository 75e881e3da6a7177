package cli

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/otactl/otactl/store/s3"
)

// A policyOutcome is the answer to init --s3.
type policyOutcome struct {
	Bucket string          `json:"bucket"`
	Policy json.RawMessage `json:"policy"` // for the bucket
}

// lines are the policy and nothing else: it goes into a file.
func (o *policyOutcome) lines() []string { return strings.Split(string(o.Policy), "\n") }

// A bucketPolicy says who may do what in a bucket, in the language of AWS.
type bucketPolicy struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid       string
	Effect    string
	Principal string
	Action    string
	Resource  []string
}

// deviceFiles are what devices fetch of any project. What lies under .otactl is none of them: it has no underscore in the
// last part of its path, no suffix .manifest, and no folder with two dots in its name, and its parts have other names. So nothing
// has to be denied, which would concern those who publish too.
var deviceFiles = []string{"*/version", "*/*.manifest", "*/*_*", "*/*.*.*/*"}

// devicePolicy lets everybody read what devices fetch, and list nothing.
func devicePolicy(t s3.Target) bucketPolicy {
	read := policyStatement{Sid: "DevicesRead", Effect: "Allow", Principal: "*", Action: "s3:GetObject"}
	for _, pattern := range deviceFiles {
		read.Resource = append(read.Resource, "arn:aws:s3:::"+path.Join(t.Bucket, t.Prefix, pattern))
	}
	return bucketPolicy{"2012-10-17", []policyStatement{read}}
}

// printPolicy shows the policy of the bucket, and changes nothing: whoever owns it has to agree.
func printPolicy(c *call) (outcome, error) {
	hint := "init --s3 --to s3://bucket/prefix"
	if !c.to.isSet() {
		return nil, &UsageError{"no bucket", []string{hint}}
	}
	t, err := parseTarget(c.to, c.env)
	if err != nil {
		return nil, err
	}
	if t.bucket == nil {
		return nil, &TargetError{t.String(), "not a bucket", hint}
	}
	text, err := json.MarshalIndent(devicePolicy(*t.bucket), "", "  ")
	if err != nil {
		return nil, err
	}
	c.ui.say("next:", fmt.Sprintf("otactl init --s3 --to URL >policy.json; aws s3api put-bucket-policy --bucket %s --policy file://policy.json", t.bucket.Bucket))
	return &policyOutcome{t.bucket.Bucket, text}, nil
}
