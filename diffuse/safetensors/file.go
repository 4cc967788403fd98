package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/realedit/realedit"
)

// File is an open file. Its methods are safe for concurrent use; tensors are read when they are asked for.
type File struct {
	name     string // in errors
	r        io.ReaderAt
	size     int64
	closer   io.Closer // nil for one that New made
	names    []string  // sorted
	tensors  map[string]*Tensor
	metadata map[string]string
}

// Open opens the file at path and checks its header in full. Errors: CodeUnreadable, CodeBadModel naming what is wrong.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeUnreadable, Op: "open model", Err: err}
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, &realedit.Error{Code: realedit.CodeUnreadable, Op: "open model", Err: err}
	}
	file, err := New(f, info.Size(), filepath.Base(path))
	if err != nil {
		f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

// New is the file of size bytes in r, checked like one that Open opens; name stands for it in errors. Close does not close r.
func New(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{name: name, r: r, size: size, tensors: map[string]*Tensor{}}
	if size < 8 {
		return nil, f.bad("%d bytes are no file of tensors", size)
	}
	var first [8]byte
	if err := f.readAt(first[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(first[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, f.bad("header: %d bytes are more than the file's %d or the limit of %d", n, size-8, maxHeader)
	}
	b := make([]byte, n)
	if err := f.readAt(b, 8); err != nil {
		return nil, err
	}
	h, err := parseHeader(b, 8+int64(n), size-8-int64(n))
	if err != nil {
		return nil, &realedit.Error{Code: realedit.CodeBadModel, Op: name, Err: err}
	}
	f.metadata = h.metadata
	for _, t := range h.tensors {
		f.tensors[t.Name] = t
		f.names = append(f.names, t.Name)
	}
	slices.Sort(f.names)
	return f, nil
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names are the tensors' names, sorted.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata is the free text that the file carries; nil if it has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Tensor is what the header says about a tensor.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	if !ok {
		return Tensor{}, false
	}
	c := *t
	c.Shape = slices.Clone(t.Shape)
	return c, true
}

// Shape is a tensor's shape.
func (f *File) Shape(name string) ([]int, bool) {
	t, ok := f.Tensor(name)
	return t.Shape, ok
}

func (f *File) bad(format string, a ...any) error {
	return realedit.Errorf(realedit.CodeBadModel, f.name, format, a...)
}

// readAt fills b from off. The length was checked when the file was opened: if it ends now, it is another file.
func (f *File) readAt(b []byte, off int64) error {
	n, err := f.r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || err == io.EOF:
		return realedit.Errorf(realedit.CodeChanged, f.name, "ends at byte %d, but had %d", off+int64(n), f.size)
	}
	return &realedit.Error{Code: realedit.CodeUnreadable, Op: f.name, Err: err}
}
