package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// Signature is what a model's file says about how it is called, and how large it is.
type Signature struct {
	Inputs   []Value  // without those that have a weight as their default
	Outputs  []Value  // in the file's order
	Weights  int64    // bytes of the graph's weights, external ones included
	External []string // the files beside the model that hold weights, each once, sorted
}

// ErrFormat is wrapped by what is wrong with a file that is no ONNX model or a broken one.
var ErrFormat = errors.New("not an ONNX model")

// Limits of what is read: more is no model that this library could run.
const (
	maxValue = 1 << 20 // bytes of one input's or output's description
	maxCount = 1 << 16 // inputs, outputs, and external files
	maxRank  = 64
	maxDepth = 32 // graphs in graphs
)

// ReadSignature reads a model's inputs and outputs without its weights: those are skipped, so that gigabytes take no memory.
// Errors wrap ErrFormat where the bytes are wrong, else they are those of r.
func ReadSignature(r io.ReaderAt, size int64) (*Signature, error) {
	s := &Signature{}
	graphs := 0
	err := (&reader{r, 0, size}).each(func(field int, wire int, v uint64, sub *reader) error {
		switch {
		case field == 7 && wire == 2:
			graphs++
			return s.graph(sub)
		case field == 25 && wire == 2: // FunctionProto
			return sub.each(func(field, wire int, _ uint64, sub *reader) error {
				if field != 7 || wire != 2 {
					return nil
				}
				return s.node(sub, 1)
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case graphs != 1:
		return nil, fmt.Errorf("%w: %d graphs", ErrFormat, graphs)
	case len(s.Outputs) == 0:
		return nil, fmt.Errorf("%w: the graph has no outputs", ErrFormat)
	}
	slices.Sort(s.External)
	s.External = slices.Compact(s.External)
	return s, nil
}

func (s *Signature) graph(r *reader) error {
	weights := map[string]bool{}
	err := r.each(func(field, wire int, v uint64, sub *reader) error {
		if wire != 2 {
			return nil
		}
		switch field {
		case 1:
			return s.node(sub, 1)
		case 5:
			name, err := s.weight(sub)
			weights[name] = true
			return err
		case 15:
			return s.sparse(sub)
		case 11, 12:
			val, err := readValue(sub)
			if err != nil {
				return err
			}
			if len(s.Inputs)+len(s.Outputs) > maxCount {
				return fmt.Errorf("%w: too many inputs and outputs", ErrFormat)
			}
			if field == 11 {
				s.Inputs = append(s.Inputs, val)
			} else {
				s.Outputs = append(s.Outputs, val)
			}
		}
		return nil
	})
	s.Inputs = slices.DeleteFunc(s.Inputs, func(v Value) bool { return weights[v.Name] })
	return err
}

// node looks for weights in a node's attributes: constants, and those of the graphs in it (If, Loop, Scan), which may lie outside the file too.
func (s *Signature) node(r *reader, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: graphs in more than %d graphs", ErrFormat, maxDepth)
	}
	if r.end-r.at <= maxValue { // most of them: one read instead of one for each number
		b, err := r.all(maxValue)
		if err != nil {
			return err
		}
		r = &reader{byteReader(b), 0, int64(len(b))}
	}
	return r.each(func(field, wire int, _ uint64, sub *reader) error {
		if field != 5 || wire != 2 {
			return nil
		}
		return sub.each(func(field, wire int, _ uint64, sub *reader) error {
			switch {
			case wire != 2:
			case field == 5, field == 10:
				_, err := s.weight(sub)
				return err
			case field == 6, field == 11:
				return s.inner(sub, depth)
			case field == 22, field == 23:
				return s.sparse(sub)
			}
			return nil
		})
	})
}

// inner is a graph in a node.
func (s *Signature) inner(r *reader, depth int) error {
	return r.each(func(field, wire int, _ uint64, sub *reader) error {
		switch {
		case wire != 2:
		case field == 1:
			return s.node(sub, depth+1)
		case field == 5:
			_, err := s.weight(sub)
			return err
		case field == 15:
			return s.sparse(sub)
		}
		return nil
	})
}

// sparse is a weight of which only what is not zero is kept: two tensors.
func (s *Signature) sparse(r *reader) error {
	return r.each(func(field, wire int, _ uint64, sub *reader) error {
		if wire != 2 || field != 1 && field != 2 {
			return nil
		}
		_, err := s.weight(sub)
		return err
	})
}

// weight reads a weight's name, size and place.
func (s *Signature) weight(r *reader) (name string, err error) {
	count, typ := int64(1), Type(0)
	err = r.each(func(field, wire int, v uint64, sub *reader) error {
		dim := func(n uint64) error {
			if n > math.MaxInt64/16 || n > 0 && count > math.MaxInt64/16/int64(n) {
				return fmt.Errorf("%w: a weight's size", ErrFormat)
			}
			count *= int64(n)
			return nil
		}
		switch {
		case field == 1 && wire == 0:
			return dim(v)
		case field == 1 && wire == 2: // packed
			b, err := sub.all(maxRank * 10)
			for len(b) > 0 && err == nil {
				n, k := binary.Uvarint(b)
				if k <= 0 {
					return fmt.Errorf("%w: a weight's dimensions", ErrFormat)
				}
				b = b[k:]
				err = dim(n)
			}
			return err
		case field == 2 && wire == 0:
			typ = Type(v)
		case field == 8 && wire == 2:
			b, err := sub.all(maxValue)
			name = string(b)
			return err
		case field == 13 && wire == 2:
			key, value, err := readPair(sub)
			if key == "location" {
				if len(s.External) > maxCount {
					slices.Sort(s.External)
					if s.External = slices.Compact(s.External); len(s.External) > maxCount {
						return fmt.Errorf("%w: too many external files", ErrFormat)
					}
				}
				s.External = append(s.External, value)
			}
			return err
		}
		return nil
	})
	if s.Weights += count * typ.Size(); s.Weights < 0 {
		return name, fmt.Errorf("%w: the weights' size", ErrFormat)
	}
	return name, err
}

func readPair(r *reader) (key, value string, err error) {
	err = r.each(func(field, wire int, _ uint64, sub *reader) error {
		if wire != 2 {
			return nil
		}
		b, err := sub.all(maxValue)
		switch field {
		case 1:
			key = string(b)
		case 2:
			value = string(b)
		}
		return err
	})
	return key, value, err
}

func readValue(r *reader) (v Value, err error) {
	b, err := r.all(maxValue)
	if err != nil {
		return v, err
	}
	whole := &reader{byteReader(b), 0, int64(len(b))}
	err = whole.each(func(field, wire int, _ uint64, sub *reader) error {
		switch {
		case field == 1 && wire == 2:
			b, err := sub.all(maxValue)
			v.Name = string(b)
			return err
		case field == 2 && wire == 2: // TypeProto
			return sub.each(func(field, wire int, _ uint64, sub *reader) error {
				if field != 1 || wire != 2 { // no tensor: Type stays 0
					return nil
				}
				return sub.each(func(field, wire int, n uint64, sub *reader) error {
					switch {
					case field == 1 && wire == 0:
						v.Type = Type(n)
					case field == 2 && wire == 2:
						v.Shape = []Dim{}
						return sub.each(func(field, wire int, _ uint64, sub *reader) error {
							if field != 1 || wire != 2 {
								return nil
							}
							d, err := readDim(sub)
							v.Shape = append(v.Shape, d)
							if len(v.Shape) > maxRank {
								return fmt.Errorf("%w: %q has more than %d dimensions", ErrFormat, v.Name, maxRank)
							}
							return err
						})
					}
					return nil
				})
			})
		}
		return nil
	})
	return v, err
}

// readDim reads a dimension. One without number or name is free, and so is a negative number: its Param is "?".
func readDim(r *reader) (Dim, error) {
	d := Dim{Param: "?"}
	err := r.each(func(field, wire int, n uint64, sub *reader) error {
		switch {
		case field == 1 && wire == 0 && int64(n) >= 0:
			d = Dim{N: int64(n)}
		case field == 2 && wire == 2:
			b, err := sub.all(maxValue)
			if len(b) > 0 {
				d = Dim{Param: string(b)}
			}
			return err
		}
		return nil
	})
	return d, err
}

// reader is a part of a file that holds a message.
type reader struct {
	r       io.ReaderAt
	at, end int64
}

type byteReader []byte

func (b byteReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// each calls f with every field: numbers in v, bytes as a reader of their own.
func (r *reader) each(f func(field, wire int, v uint64, sub *reader) error) error {
	for r.at < r.end {
		key, err := r.uvarint()
		if err != nil {
			return err
		}
		field, wire := int(key>>3), int(key&7)
		if field == 0 || key>>3 > math.MaxInt32 {
			return fmt.Errorf("%w: field %d", ErrFormat, key>>3)
		}
		var v uint64
		var sub *reader
		switch wire {
		case 0:
			v, err = r.uvarint()
		case 1:
			r.at += 8
		case 2:
			if v, err = r.uvarint(); err == nil && v > uint64(r.end-r.at) {
				err = fmt.Errorf("%w: it ends in the middle", ErrFormat)
			}
			if err == nil {
				sub = &reader{r.r, r.at, r.at + int64(v)}
				r.at = sub.end
			}
		case 5:
			r.at += 4
		default:
			err = fmt.Errorf("%w: wire type %d", ErrFormat, wire)
		}
		if err == nil && r.at > r.end {
			err = fmt.Errorf("%w: it ends in the middle", ErrFormat)
		}
		if err == nil {
			err = f(field, wire, v, sub)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) uvarint() (uint64, error) {
	var b [binary.MaxVarintLen64]byte
	n := min(int64(len(b)), r.end-r.at)
	if _, err := r.r.ReadAt(b[:n], r.at); err != nil && err != io.EOF {
		return 0, err
	}
	v, k := binary.Uvarint(b[:n])
	if k <= 0 {
		return 0, fmt.Errorf("%w: a number at byte %s", ErrFormat, strconv.FormatInt(r.at, 10))
	}
	r.at += int64(k)
	return v, nil
}

func (r *reader) all(limit int64) ([]byte, error) {
	n := r.end - r.at
	if n > limit {
		return nil, fmt.Errorf("%w: a text of %d bytes", ErrFormat, n)
	}
	b := make([]byte, n)
	if _, err := r.r.ReadAt(b, r.at); err != nil && err != io.EOF {
		return nil, err
	}
	r.at = r.end
	return b, nil
}
