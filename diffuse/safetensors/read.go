package safetensors

import (
	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/parallel"
)

// chunk is the bytes that are read at once when numbers are converted: they stay in the second-level cache.
const chunk = 1 << 18

// find is a tensor of the file.
func (f *File) find(name string) (*Tensor, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, f.bad("it has no tensor %q", name)
	}
	return t, nil
}

// ReadBytes fills dst with a tensor's bytes as they are in the file; dst has the tensor's Length. Errors: CodeBadModel where the file
// has no such tensor, CodeBadOption for another length, CodeChanged, CodeUnreadable.
func (f *File) ReadBytes(name string, dst []byte) error {
	t, err := f.find(name)
	if err != nil {
		return err
	}
	if int64(len(dst)) != t.Length {
		return realedit.Errorf(realedit.CodeBadOption, f.name, "tensor %q: %d bytes are asked for, it has %d", name, len(dst), t.Length)
	}
	return f.readAt(dst, t.Offset)
}

// ReadF32 fills dst with a tensor's numbers as float32, row by row; dst has as many as the tensor. F16 and BF16 are converted exactly, F64 is rounded to nearest
// even. Errors: as ReadBytes; CodeBadModel for other element types.
func (f *File) ReadF32(name string, dst []float32) error {
	t, err := f.find(name)
	if err != nil {
		return err
	}
	if len(dst) != t.Elements() {
		return realedit.Errorf(realedit.CodeBadOption, f.name, "tensor %q: %d numbers are asked for, it has %d", name, len(dst), t.Elements())
	}
	return f.ReadF32At(name, 0, dst)
}

// ReadF32At is ReadF32 of the len(dst) numbers from number first of the tensor on, counted row by row.
func (f *File) ReadF32At(name string, first int, dst []float32) error {
	t, err := f.find(name)
	if err != nil {
		return err
	}
	convert := toF32[t.DType]
	if convert == nil {
		return f.bad("tensor %q: holds %s, which is none of F64, F32, F16, BF16", name, t.DType)
	}
	if n := t.Elements(); first < 0 || first > n || len(dst) > n-first {
		return realedit.Errorf(realedit.CodeBadOption, f.name, "tensor %q: numbers %d to %d are asked for, it has %d", name, first, first+len(dst), n)
	}
	size := t.DType.Size()
	buf := make([]byte, min(chunk, len(dst)*size))
	for off := t.Offset + int64(first)*int64(size); len(dst) > 0; {
		n := min(len(dst), len(buf)/size)
		if err := f.readAt(buf[:n*size], off); err != nil {
			return err
		}
		parallel.Bands(n, band, func(from, to int) { convert(dst[from:to], buf[size*from:size*to]) })
		dst, off = dst[n:], off+int64(n*size)
	}
	return nil
}
