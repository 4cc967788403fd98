package safetensors

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/realedit/realedit"
)

// Spec declares a tensor that is to be written.
type Spec struct {
	Name  string
	DType DType
	Shape []int // not negative; empty for a single number
}

// Write writes a file to w: the same bytes for the same tensors in any order, and those of the reference implementation (version 0.8). Tensors lie by descending
// alignment of their element type, then by name; metadata is sorted, too, where the reference leaves its order to chance. data is called once for each of them in that order with its place in tensors, and
// writes its bytes, little-endian, exactly as many as declared. A nil metadata is left out of the header, unlike an empty one.
//
// Errors: CodeBadOption for declarations that no file can have, CodeInternal where data writes another length; those of w and data as they are.
func Write(w io.Writer, metadata map[string]string, tensors []Spec, data func(i int, w io.Writer) error) error {
	return write(w, metadata, tensors, true, data)
}

func write(w io.Writer, metadata map[string]string, tensors []Spec, sorted bool, data func(i int, w io.Writer) error) error {
	order, lengths, head, err := layout(metadata, tensors, sorted)
	if err != nil {
		return &realedit.Error{Code: realedit.CodeBadOption, Op: "write tensors", Err: err}
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, i := range order {
		c := &counted{w: w, left: lengths[i]}
		err := data(i, c)
		if err == nil && c.left != 0 {
			err = errLength
		}
		if errors.Is(err, errLength) {
			return realedit.Errorf(realedit.CodeInternal, "write tensors", "tensor %q: %d bytes were declared, not what was written: %w", tensors[i].Name, lengths[i], err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errLength = errors.New("wrong length")

// counted passes on at most left bytes.
type counted struct {
	w    io.Writer
	left int64
}

func (c *counted) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		return 0, errLength
	}
	n, err := c.w.Write(p)
	c.left -= int64(n)
	return n, err
}

// WriteFile is Write to the file at path. It appears there whole or not at all: the bytes go to a temporary file in the same folder,
// which is synced and renamed; on an error nothing is left. Several writers of one path do not disturb each other: the last rename counts.
//
// Errors: as Write; CodeDiskFull or CodeWriteFailed where the file cannot be written.
func WriteFile(path string, metadata map[string]string, tensors []Spec, data func(i int, w io.Writer) error) error {
	return writeFile(path, metadata, tensors, true, data)
}

// WriteFileInOrder is WriteFile with the tensors in the order of the declarations, for tensors that come of the same work. The reader's alignment is the caller's care.
func WriteFileInOrder(path string, metadata map[string]string, tensors []Spec, data func(i int, w io.Writer) error) error {
	return writeFile(path, metadata, tensors, false, data)
}

func writeFile(path string, metadata map[string]string, tensors []Spec, sorted bool, data func(i int, w io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*"+partSuffix)
	if err != nil {
		return writeError(path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	to := &disk{f: f}
	buf := bufio.NewWriterSize(to, 1<<18)
	if err = write(buf, metadata, tensors, sorted, data); err == nil {
		err = buf.Flush()
	}
	if to.err != nil {
		return writeError(path, to.err)
	}
	if err != nil {
		return err
	}
	if err = cmp.Or(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return writeError(path, err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return writeError(path, err)
	}
	if d, err := os.Open(dir); err == nil { // the name is durable too, where folders can be synced
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// disk remembers what went wrong with the file itself, which data may wrap or hide.
type disk struct {
	f   *os.File
	err error
}

func (d *disk) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	if err != nil {
		d.err = err
	}
	return n, err
}

func writeError(path string, err error) error {
	code := realedit.CodeOf(err)
	if code != realedit.CodeDiskFull {
		code = realedit.CodeWriteFailed
	}
	return &realedit.Error{Code: code, Op: "write " + filepath.Base(path), Err: err}
}

// layout is the order in which tensors lie, their lengths by their places in tensors, and the file's bytes before them.
func layout(metadata map[string]string, tensors []Spec, sorted bool) (order []int, lengths []int64, head []byte, err error) {
	lengths = make([]int64, len(tensors))
	seen := map[string]bool{metadataKey: true}
	for i, t := range tensors {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, nil, nil, fmt.Errorf("tensor %q: the name is there twice, reserved, or no UTF-8", t.Name)
		}
		seen[t.Name] = true
		if lengths[i], err = length(t.DType, t.Shape); err != nil {
			return nil, nil, nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		order = append(order, i)
	}
	if sorted {
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(tensors[a].DType.order(), tensors[b].DType.order()), strings.Compare(tensors[a].Name, tensors[b].Name))
		})
	}
	b := []byte("{")
	if metadata != nil {
		b = append(quote(b, metadataKey), ":{"...)
		for i, k := range slices.Sorted(maps.Keys(metadata)) {
			if v := metadata[k]; !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, nil, nil, fmt.Errorf("metadata %q is no UTF-8", k)
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = quote(append(quote(b, k), ':'), metadata[k])
		}
		b = append(b, '}')
	}
	end := int64(0)
	for _, i := range order {
		t := tensors[i]
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(quote(b, t.Name), `:{"dtype":"`+string(t.DType)+`","shape":[`...)
		for j, n := range t.Shape {
			if j > 0 {
				b = append(b, ',')
			}
			b = fmt.Append(b, n)
		}
		if end+lengths[i] < end {
			return nil, nil, nil, errors.New("more than 2⁶³ bytes of tensors")
		}
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, end, end+lengths[i])
		end += lengths[i]
	}
	for b = append(b, '}'); len(b)%8 != 0; {
		b = append(b, ' ')
	}
	if len(b) > maxHeader {
		return nil, nil, nil, fmt.Errorf("a header of %d bytes is beyond the limit of %d", len(b), maxHeader)
	}
	return order, lengths, append(binary.LittleEndian.AppendUint64(nil, uint64(len(b))), b...), nil
}

// quote appends s as JSON with no more escapes than needed, as the reference does; encoding/json escapes for HTML.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		default:
			if j := strings.IndexByte("\b\f\n\r\t", c); j >= 0 {
				b = append(b, '\\', "bfnrt"[j])
			} else {
				b = fmt.Appendf(b, `\u%04x`, c)
			}
		}
	}
	return append(b, '"')
}
