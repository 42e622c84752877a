// Package strictyaml decodes what people write: it accepts nothing that it does
// not understand, and it reports all that is wrong at once, each with its place.
//
// It reads regular files of bounded size and one YAML document each. Aliases
// are not accepted: what is written is what is meant.
package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Pos is a place in a file; line and column count from 1.
type Pos struct {
	File      string
	Line, Col int
}

// String returns file:line:col, or the file alone when the place is not known.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one thing that is wrong, and where.
type Problem struct {
	Pos
	Message string
}

// Problems is an error that says all that is wrong.
type Problems []Problem

// Add appends a problem.
func (ps *Problems) Add(at Pos, format string, args ...any) {
	*ps = append(*ps, Problem{at, fmt.Sprintf(format, args...)})
}

// Err returns the problems sorted by place as an error; nil if there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	sorted := slices.Clone(ps)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.CompactFunc(sorted, func(a, b Problem) bool { return a == b })
}

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// String returns the place and the message.
func (p Problem) String() string { return p.Pos.String() + ": " + p.Message }

// MaxFileSize is the size of the largest YAML file that is read.
const MaxFileSize = 1 << 20

// ReadFile reads a regular file of at most limit bytes.
func ReadFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, reason(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer func() { _ = f.Close() }() // it is only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, reason(err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("has more than %d bytes; split it", limit)
	}
	return data, nil
}

// reason takes the name of the file out of the error: the place says it.
func reason(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}
