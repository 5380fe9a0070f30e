package bundle

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// checkpoint is one line of the journal: the first Size bytes of a file have
// this hash.
type checkpoint struct {
	Path   string `json:"path"` // below the bag: "data/scan.log"
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	State  point  `json:"state"`
}

// point says what a checkpoint promises beyond the hash.
type point string

const (
	growing point = "growing" // the file may be longer
	closed  point = "closed"  // the file has exactly this size
	pending point = "pending" // the file is about to be put in place; it may still be the one before, or none
)

func (p checkpoint) line() ([]byte, error) {
	line, err := json.Marshal(p)
	return append(line, '\n'), err
}

// parseCheckpoint reads a line as it is written and refuses anything else.
func parseCheckpoint(line []byte) (p checkpoint, ok bool) {
	if json.Unmarshal(line, &p) != nil || p.Size < 0 || !validHash(p.SHA256) || !validName(p.Path) {
		return p, false
	}
	switch p.State {
	case growing, closed, pending:
	default:
		return p, false
	}
	switch p.Path {
	case infoFile, tagManifestFile, manifestFile:
	default:
		if !strings.HasPrefix(p.Path, "data/") {
			return p, false
		}
	}
	same, err := p.line()
	return p, err == nil && bytes.Equal(same, line)
}

// journal is the file of checkpoints while a bundle is written.
type journal struct {
	mu   sync.Mutex
	f    *os.File
	size int64 // of the lines that are whole
	cut  bool  // a line is not whole and could not be taken back
}

// add notes checkpoints durably. A line for which there was no room is taken
// back, since the next one would be appended to its stump.
func (j *journal) add(points ...checkpoint) error {
	var text []byte
	for _, p := range points {
		line, err := p.line()
		if err != nil {
			return err
		}
		text = append(text, line...)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cut {
		return errors.New("the journal ends in the middle of a line")
	}
	if _, err := j.f.Write(text); err != nil {
		undo := j.f.Truncate(j.size)
		j.cut = undo != nil
		return errors.Join(err, undo)
	}
	j.size += int64(len(text))
	return j.f.Sync()
}

// Bounds for what a journal may ask of its reader.
const (
	maxLine   = 1 << 10 // bytes of a line, of which a path takes 200
	maxPoints = 1 << 20 // checkpoints that matter
)

// readJournal returns the checkpoints that matter for each file: the last
// one, and those before it that it may not have taken the place of yet. The
// last line may be cut off by a kill. problem says what is wrong with the
// journal, "" if nothing is.
func readJournal(ctx context.Context, r io.Reader) (points map[string][]checkpoint, problem string, err error) {
	points = map[string][]checkpoint{}
	lines := bufio.NewReaderSize(r, maxLine)
	total := 0
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return points, "", nil
		case errors.Is(err, bufio.ErrBufferFull):
			return points, fmt.Sprintf("line %d is too long", n), nil
		case err != nil:
			return nil, "", err
		}
		p, ok := parseCheckpoint(line)
		if !ok {
			return points, fmt.Sprintf("line %d is no checkpoint", n), nil
		}
		if p.State != pending {
			total -= len(points[p.Path])
			points[p.Path] = nil
		}
		if total++; total > maxPoints {
			return points, fmt.Sprintf("line %d is one checkpoint too many", n), nil
		}
		points[p.Path] = append(points[p.Path], p)
	}
}
