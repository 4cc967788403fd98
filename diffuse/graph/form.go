package graph

import "github.com/realedit/realedit"

// Form is what a graph is built for. A graph runs with exactly these sizes.
type Form struct {
	// CUDA builds for ONNX Runtime's CUDA provider: float16 inside and in all inputs and outputs but where said. Otherwise float32, for the processor.
	CUDA bool
	// Batch is the pictures of one run; 0 = 1.
	Batch int
	// Width and Height are of the picture in pixels: multiples of 64 (of 8 for the autoencoder). Latents are an eighth.
	Width, Height int
}

func (f *Form) check(multiple int) error {
	bad := func(field, format string, a ...any) error {
		return realedit.Errorf(realedit.CodeBadOption, "build graph", "Form."+field+": "+format, a...)
	}
	if f.Batch < 0 || f.Batch > 64 {
		return bad("Batch", "%d is outside [0, 64]", f.Batch)
	}
	for _, d := range []struct {
		field string
		n     int
	}{{"Width", f.Width}, {"Height", f.Height}} {
		if d.n < multiple || d.n > MaxSide || d.n%multiple != 0 {
			return bad(d.field, "%d is no multiple of %d in [%d, %d]", d.n, multiple, multiple, MaxSide)
		}
	}
	return nil
}

// MaxSide bounds a picture's side in pixels: attention takes memory by the square of its area.
const MaxSide = 2048

func (f *Form) batch() int { return max(f.Batch, 1) }
