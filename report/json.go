package report

import (
	_ "embed"
	"encoding/json"
	"io"
	"slices"
)

//go:generate go test -run TestSchemaIsCurrent -update .

//go:embed report.schema.json
var schema []byte

// Schema returns the JSON Schema (2020-12) of what [JSON] writes.
func Schema() []byte { return slices.Clone(schema) }

// JSON writes the whole report. Reading it back into a [Report] loses
// nothing.
func JSON(w io.Writer, r *Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}
