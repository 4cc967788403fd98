package weights

import (
	"path/filepath"

	"github.com/realedit/realedit/diffuse/safetensors"
)

type Network int

const (
	UNet Network = iota
	ControlNet
	VAE
	TextEncoder
	TextEncoder2
)

type Ref struct {
	File           string
	Offset, Length int64
	DType          safetensors.DType
	Shape          []int
	Transposed     bool
}

type Set struct {
	f    *safetensors.File
	path string
}

func Open(n Network, paths ...string) (*Set, error) {
	f, err := safetensors.Open(paths[0])
	if err != nil {
		return nil, err
	}
	p, _ := filepath.Abs(paths[0])
	return &Set{f, p}, nil
}

func (s *Set) Close() error { return s.f.Close() }
func (s *Set) Name() string { return filepath.Base(s.path) }
func (s *Set) Lookup(name string) (Ref, bool) {
	t, ok := s.f.Tensor(name)
	return Ref{s.path, t.Offset, t.Length, t.DType, t.Shape, false}, ok
}
