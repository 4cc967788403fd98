package safetensors

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// maxHeader is the reference's bound of a header's length in bytes.
const maxHeader = 100_000_000

const metadataKey = "__metadata__"

// Tensor is what a file's header says about one tensor.
type Tensor struct {
	Name   string
	DType  DType
	Shape  []int // empty for a single number; dimensions may be 0
	Offset int64 // where its bytes begin in the file, from the file's start
	Length int64 // bytes: the product of Shape times DType.Size()
}

// Elements is the product of the shape: how many numbers the tensor holds.
func (t *Tensor) Elements() int { return int(t.Length / int64(t.DType.Size())) }

// length is the bytes of a tensor of this shape, checked for overflow in the order of the dimensions.
func length(d DType, shape []int) (int64, error) {
	size := int64(d.Size())
	if size == 0 {
		return 0, fmt.Errorf("unknown element type %q", string(d))
	}
	n := int64(1)
	for _, dim := range shape {
		switch {
		case dim < 0:
			return 0, fmt.Errorf("shape %v: a dimension is negative", shape)
		case dim > 0 && n > math.MaxInt64/size/int64(dim):
			return 0, fmt.Errorf("shape %v: more than 2⁶³ bytes", shape)
		}
		n *= int64(dim)
	}
	return n * size, nil
}

// header is a parsed header: its tensors in the order of their offsets, which count from the file's start.
type header struct {
	tensors  []*Tensor
	metadata map[string]string
}

// parseHeader parses and checks a header whose tensors' bytes begin at base and are room bytes.
func parseHeader(b []byte, base, room int64) (*header, error) {
	h := &header{}
	s := &scanner{b: b}
	seen := map[string]bool{}
	err := s.whole(func(name string) error {
		if seen[name] {
			return fmt.Errorf("header: %q is there twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			return h.parseMetadata(s)
		}
		t, err := parseTensor(s, name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		h.tensors = append(h.tensors, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return h, h.place(base, room)
}

func (h *header) parseMetadata(s *scanner) error {
	h.metadata = map[string]string{}
	return s.object(func(name string) error {
		if _, twice := h.metadata[name]; twice {
			return fmt.Errorf("header: %s: %q is there twice", metadataKey, name)
		}
		text, err := s.text()
		h.metadata[name] = text
		if err != nil {
			return fmt.Errorf("%s: %q: %w", metadataKey, name, err)
		}
		return nil
	})
}

// parseTensor reads the entry of one tensor; its offset counts from where tensors begin.
func parseTensor(s *scanner, name string) (*Tensor, error) {
	t := &Tensor{Name: name}
	var shape, offsets []int64
	seen := map[string]bool{}
	err := s.object(func(field string) (err error) {
		if seen[field] {
			return fmt.Errorf("%s: is there twice", field)
		}
		seen[field] = true
		switch field {
		case "dtype":
			var text string
			text, err = s.text()
			t.DType = DType(text)
		case "shape":
			shape, err = s.numbers()
		case "data_offsets":
			offsets, err = s.numbers()
		default:
			return fmt.Errorf("unknown field %q", field)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, field := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[field] {
			return nil, fmt.Errorf("%s: is missing", field)
		}
	}
	t.Shape = make([]int, len(shape))
	for i, n := range shape {
		if n > math.MaxInt {
			return nil, fmt.Errorf("shape %v: a dimension is beyond this machine's integers", shape)
		}
		t.Shape[i] = int(n)
	}
	if t.Length, err = length(t.DType, t.Shape); err != nil {
		return nil, err
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return nil, fmt.Errorf("data_offsets: %v is no begin and end", offsets)
	}
	if t.Offset = offsets[0]; offsets[1]-offsets[0] != t.Length {
		return nil, fmt.Errorf("data_offsets: %v are %d bytes, but %s of the shape %v is %d", offsets, offsets[1]-offsets[0], t.DType, t.Shape, t.Length)
	}
	return t, nil
}

// place checks that the tensors fill room without gap and overlap, and makes their offsets absolute.
func (h *header) place(base, room int64) error {
	slices.SortFunc(h.tensors, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Length, b.Length), cmp.Compare(a.Name, b.Name))
	})
	end := int64(0)
	for _, t := range h.tensors {
		switch {
		case t.Offset < end:
			return fmt.Errorf("tensor %q: begins at byte %d of the data, within the one before it, which ends at %d", t.Name, t.Offset, end)
		case t.Offset > end:
			return fmt.Errorf("tensor %q: begins at byte %d of the data, behind a gap from %d", t.Name, t.Offset, end)
		case t.Length > room-t.Offset:
			return fmt.Errorf("tensor %q: ends at byte %d of the data, of which there are %d: the file was not fetched whole", t.Name, t.Offset+t.Length, room)
		}
		end = t.Offset + t.Length
		t.Offset += base
	}
	if end < room {
		return fmt.Errorf("header: the tensors are %d bytes, but %d follow", end, room)
	}
	return nil
}
