package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
)

//go:embed page.tmpl
var pageText string

//go:embed offers.tmpl
var offersText string

//go:embed page.css
var pageStyle string

// HTML writes the report as one self-contained page in both languages, for
// screen and paper. It loads nothing, runs no script and links raw files
// relative to the bundle's data directory, where it belongs. The screenshots
// are read from files, which is that directory; with nil none are shown.
func HTML(w io.Writer, r *Report, files fs.FS) error {
	t, err := template.New("page").Funcs(vocabulary()).Parse(pageText + offersText)
	if err != nil {
		return fmt.Errorf("report page: %w", err) // a bug
	}
	digest := sha256.Sum256([]byte(pageStyle))
	var doc bytes.Buffer
	err = t.Execute(&doc, struct {
		*page
		Style  template.CSS
		Policy string
	}{newPage(r, files), template.CSS(pageStyle),
		"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'"})
	if err != nil {
		return fmt.Errorf("report page: %w", err)
	}
	_, err = w.Write(inert(doc.Bytes()))
	return err
}
