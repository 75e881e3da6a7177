package main

import (
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// outputSchema compiles docs/schema/output.json once.
var outputSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	return jsonschema.NewCompiler().Compile("docs/schema/output.json")
})

// valid FILE checks one JSON object, such as stdout, against docs/schema/output.json.
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: valid FILE")
	}
	schema, err := outputSchema()
	ts.Check(err)
	text := ts.ReadFile(args[0])
	if strings.Count(text, "\n") != 1 {
		ts.Fatalf("not one line:\n%s", text)
	}
	object, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	ts.Check(err)
	if err := schema.Validate(object); err != nil {
		ts.Fatalf("%v\n%s", err, text)
	}
}
