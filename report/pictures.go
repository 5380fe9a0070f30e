package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"image/png"
	"io"
	"io/fs"
	"path"
	"regexp"

	"vksprobe/probe"
)

// The bounds of what is embedded: a page can be made to look like anything,
// also like very large pictures.
const (
	maxPicture  = 4 << 20  // bytes of one file
	maxPictures = 24 << 20 // bytes of all files
	maxSide     = 16_384   // pixels
	maxShown    = 40       // figures
)

// picture is a screenshot in the bundle.
type picture struct {
	File
	Participant   string
	Phase         probe.Phase // "" if the name does not tell
	Width, Height int
	Data          template.URL // the file itself; empty if it cannot be shown
	Problem       probe.Text   // why it is not shown
}

var pictureName = regexp.MustCompile(`^evidence/p([0-9]{1,4})/page/(?:[0-9]+-)?([a-z_]+)[^/]*\.png$`)

// pictures finds the screenshots among the files and reads those that are
// what the list says they are; left is how many more there are.
func pictures(list []File, files fs.FS) (all []picture, left int) {
	var total int64
	for _, f := range list {
		name := pictureName.FindStringSubmatch(f.Path)
		if name == nil {
			continue
		}
		if len(all) == maxShown {
			left++
			continue
		}
		p := picture{File: f, Participant: name[1]}
		for _, phase := range probe.Phases() {
			if name[2] == string(phase) {
				p.Phase = phase
			}
		}
		b, problem := readPicture(files, f, maxPictures-total)
		p.Problem = problem
		if b != nil {
			total += int64(len(b))
			config, _ := png.DecodeConfig(bytes.NewReader(b)) // readPicture has looked at it
			p.Width, p.Height = config.Width, config.Height
			p.Data = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b))
		}
		all = append(all, p)
	}
	return all, left
}

func readPicture(files fs.FS, f File, room int64) ([]byte, probe.Text) {
	gone := probe.Text{DE: "Die Datei liegt diesem Bericht nicht vor.", EN: "The file was not at hand for this report."}
	if files == nil || !fs.ValidPath(f.Path) {
		return nil, gone
	}
	file, err := files.Open(f.Path)
	if err != nil {
		return nil, gone
	}
	defer file.Close()
	bound := min(maxPicture, room)
	b, err := io.ReadAll(io.LimitReader(file, bound+1))
	if err != nil {
		return nil, gone
	}
	if int64(len(b)) > bound {
		return nil, probe.Text{DE: "Die Datei ist zu groß, um hier gezeigt zu werden.", EN: "The file is too large to be shown here."}
	}
	if digest := sha256.Sum256(b); hex.EncodeToString(digest[:]) != f.SHA256 {
		return nil, probe.Text{DE: "Die Datei stimmt nicht mit ihrer Prüfsumme überein.", EN: "The file does not agree with its digest."}
	}
	if config, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || config.Width > maxSide || config.Height > maxSide {
		return nil, probe.Text{DE: "Die Datei ist kein Bild, das gezeigt werden kann.", EN: "The file is not a picture that can be shown."}
	}
	return b, probe.Text{}
}

// Name is the last element of the path.
func (p picture) Name() string { return path.Base(p.Path) }
