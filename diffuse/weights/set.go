package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
)

// Network is which of SDXL's networks a Set is of: a single file holds several.
type Network string

// The networks.
const (
	UNet         Network = "unet" // with 4 or 9 inputs
	ControlNet   Network = "controlnet"
	VAE          Network = "vae"
	TextEncoder  Network = "text_encoder"   // CLIP ViT-L/14
	TextEncoder2 Network = "text_encoder_2" // OpenCLIP ViT-bigG/14
)

// Ref is where a tensor is.
type Ref struct {
	File           string // absolute path
	Offset, Length int64  // of its bytes in the file
	DType          safetensors.DType
	Shape          []int // as wanted: a matrix that is stored the other way round is Transposed
	Transposed     bool  // the file has columns for rows

	in   *safetensors.File
	name string // in the file
	skip int    // numbers of the file's tensor before it
}

// Set is a network's tensors. Its methods are safe for concurrent use.
type Set struct {
	network Network
	files   []*safetensors.File
	paths   []string
	refs    map[string]Ref
	sides   int  // how many of the paths, the last ones, With laid over
	int8    bool // there are matrices in 8 bits beside
}

// Open reads the headers of the files of a network: one, or shards that hold different tensors. Errors: CodeUnreadable, CodeBadModel, among them
// for a file in which the network is not, and for a tensor that is there twice.
func Open(n Network, paths ...string) (*Set, error) {
	s := &Set{network: n, refs: map[string]Ref{}}
	if names[n] == nil {
		return nil, realedit.Errorf(realedit.CodeBadOption, "open weights", "there is no network %q", n)
	}
	if len(paths) == 0 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "open weights", "no files")
	}
	for _, p := range paths {
		if err := s.add(p); err != nil {
			s.Close()
			return nil, err
		}
	}
	if len(s.refs) == 0 {
		s.Close()
		return nil, realedit.Errorf(realedit.CodeBadModel, s.Name(), "there is no %s in it", n)
	}
	return s, nil
}

func (s *Set) add(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return &realedit.Error{Code: realedit.CodeUnreadable, Op: "open weights", Err: err}
	}
	f, err := safetensors.Open(abs)
	if err != nil {
		return err
	}
	s.files, s.paths = append(s.files, f), append(s.paths, abs)
	for _, name := range f.Names() {
		t, _ := f.Tensor(name)
		for _, part := range names[s.network](name) {
			r := Ref{File: abs, Offset: t.Offset, Length: t.Length, DType: t.DType, Shape: t.Shape, Transposed: part.transposed, in: f, name: name}
			if part.of > 0 {
				if len(t.Shape) == 0 || t.Shape[0]%part.of != 0 {
					return realedit.Errorf(realedit.CodeBadModel, filepath.Base(abs), "tensor %q of the shape %v is no %d matrices in one", name, t.Shape, part.of)
				}
				r.Shape = slices.Clone(t.Shape)
				r.Shape[0] /= part.of
				r.Length /= int64(part.of)
				r.Offset += int64(part.index) * r.Length
				r.skip = part.index * t.Elements() / part.of
			}
			if r.Transposed {
				if len(t.Shape) != 2 {
					return realedit.Errorf(realedit.CodeBadModel, filepath.Base(abs), "tensor %q of the shape %v is no matrix", name, t.Shape)
				}
				r.Shape = []int{t.Shape[1], t.Shape[0]}
			}
			if other, twice := s.refs[part.name]; twice {
				return realedit.Errorf(realedit.CodeBadModel, filepath.Base(abs), "tensors %q and %q are both %q", other.name, name, part.name)
			}
			s.refs[part.name] = r
		}
	}
	return nil
}

// Close closes the files.
func (s *Set) Close() error {
	var err error
	for _, f := range s.files {
		if e := f.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Network is the set's.
func (s *Set) Network() Network { return s.network }

// Name is the file's name for errors, the first one's of several.
func (s *Set) Name() string { return filepath.Base(s.paths[0]) }

// Names are the tensors', sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.refs)) }

// Lookup is where a tensor is.
func (s *Set) Lookup(name string) (Ref, bool) {
	r, ok := s.refs[name]
	return r, ok
}

// ReadF32 fills dst with a tensor's numbers in the order of Ref.Shape. Errors: those of safetensors; CodeBadModel where there is no such tensor.
func (s *Set) ReadF32(name string, dst []float32) error {
	r, ok := s.refs[name]
	if !ok {
		return realedit.Errorf(realedit.CodeBadModel, s.Name(), "it has no tensor %q", name)
	}
	if n := product(r.Shape); n != len(dst) {
		return realedit.Errorf(realedit.CodeBadOption, s.Name(), "tensor %q: %d numbers are asked for, it has %d", name, len(dst), n)
	}
	if !r.Transposed {
		return r.in.ReadF32At(r.name, r.skip, dst)
	}
	v := make([]float32, len(dst))
	if err := r.in.ReadF32At(r.name, r.skip, v); err != nil {
		return err
	}
	rows, columns := r.Shape[0], r.Shape[1]
	for i := range rows {
		for j := range columns {
			dst[i*columns+j] = v[j*rows+i]
		}
	}
	return nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// SHA256 is the file's, in hexadecimal; of several the hash of theirs in order.
func (s *Set) SHA256(ctx context.Context) (string, error) {
	var all []string
	for _, f := range s.files {
		sum, err := f.SHA256(ctx)
		if err != nil {
			return "", err
		}
		all = append(all, sum)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:]), nil
}

// With is the set with the tensors of another file, in diffusers' names, in the place of its own: weights into which LoRAs were merged. Each must be in the
// set, with the same shape. The new set has its own files open, and no safetensors.Cache
// removes them before it is closed. Errors: CodeBadModel naming the tensor, CodeUnreadable,
// CodeBadOption for a set in 8 bits, whose matrices would stay as they were: LoRAs come first.
func (s *Set) With(path string) (*Set, error) {
	if s.int8 {
		return nil, realedit.Errorf(realedit.CodeBadOption, s.Name(), "it is in 8 bits: lay tensors over it before")
	}
	n, err := s.again()
	if err != nil {
		return nil, err
	}
	if err := n.lay(path); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// again is the set with files of its own.
func (s *Set) again() (*Set, error) {
	own := len(s.paths) - s.sides
	n, err := Open(s.network, s.paths[:own]...)
	if err != nil {
		return nil, err
	}
	for _, p := range s.paths[own:] {
		if err := n.lay(p); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// lay puts a side file's tensors in the place of the set's.
func (s *Set) lay(path string) error {
	side, err := Open(s.network, path)
	if err != nil {
		return err
	}
	for _, f := range side.files {
		f.Hold()
	}
	s.files, s.paths, s.sides = append(s.files, side.files...), append(s.paths, side.paths...), s.sides+1
	for name, r := range side.refs {
		have, ok := s.refs[name]
		if !ok || !slices.Equal(have.Shape, r.Shape) {
			return realedit.Errorf(realedit.CodeBadModel, side.Name(), "tensor %q of the shape %v is not of this network", name, r.Shape)
		}
		s.refs[name] = r
	}
	return nil
}
