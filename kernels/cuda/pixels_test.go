//go:build cuda && cgo

package cuda

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// ramp is a host image of one channel that holds every value of an integer format and of F16, or floats of all kinds about the
// integers' rounding ties.
func ramp(t *testing.T, f kernels.Format) *kernels.Image {
	t.Helper()
	m, err := kernels.NewHostImage(nil, 1024, 256, 1, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	for y := range m.Height() {
		for x := range m.Width() {
			i := y*m.Width() + x
			switch f {
			case kernels.U8:
				m.RowU8(y)[x] = uint8(i)
			case kernels.U16:
				m.RowU16(y)[x] = uint16(i)
			case kernels.F16:
				m.RowHalf(y)[x] = kernels.Half(i)
			case kernels.F32:
				v := (float32(i%65536) + 0.5) / 65535
				if y%2 == 1 {
					v = (float32(i%256) + 0.5) / 255
				}
				for range i / 65536 {
					v = math.Nextafter32(v, 0)
				}
				if i < 4096 { // exponents of all sizes, infinities and NaNs
					v = math.Float32frombits(uint32(i)<<20 | 0xff<<8)
				}
				m.RowF32(y)[x] = v
			}
		}
	}
	return m
}

// Convert's bytes are the reference's, for every value.
func TestConvertBits(t *testing.T) {
	b := gpu(t)
	for f := range kernels.F32 + 1 {
		src := ramp(t, f)
		for d := range kernels.F32 + 1 {
			want, err := kernels.NewHostImage(nil, src.Width(), src.Height(), 1, d)
			if err != nil {
				t.Fatal(err)
			}
			got, err := kernels.NewHostImage(nil, src.Width(), src.Height(), 1, d)
			if err != nil {
				t.Fatal(err)
			}
			if err := ref.New().Ops().Convert(want, src); err != nil {
				t.Fatal(err)
			}
			if err := b.Ops().Convert(got, src); err != nil {
				t.Fatal(err)
			}
			size := d.Size()
			for y := range want.Height() {
				w, g := want.Row(y), got.Row(y)
				if bytes.Equal(w, g) {
					continue
				}
				for x := 0; x < len(w); x += size {
					if !bytes.Equal(w[x:x+size], g[x:x+size]) {
						t.Errorf("%v to %v: sample %d becomes %x, want %x", f, d, y*src.Width()+x/size, g[x:x+size], w[x:x+size])
						break
					}
				}
				break
			}
			want.Free()
			got.Free()
		}
	}
}

// The largest tables that the definition allows: more than a block's usual share of shared memory.
func TestLargeTables(t *testing.T) {
	b, r := gpu(t), ref.New()
	curve := make([]float32, 65536)
	for i := range curve {
		curve[i] = float32(math.Sqrt(float64(i) / 65535))
	}
	share := make([]float32, 2048)
	for i := range share {
		share[i] = float32(0.5 + float64(i)/4096)
	}
	tone := make([]float32, 4096)
	for i := range tone {
		tone[i] = float32(math.Sin(float64(i) / 700))
	}
	cases := map[string]func(m *kerneltest.Maker, o *kernels.Ops, dst, src *kernels.Image) error{
		"Curve": func(_ *kerneltest.Maker, o *kernels.Ops, dst, src *kernels.Image) error {
			return o.Curve(dst, src, [][]float32{curve, curve, curve[:2]})
		},
		"LocalTone": func(m *kerneltest.Maker, o *kernels.Ops, dst, src *kernels.Image) error {
			tint, err := m.Image(200, 90, 3, kernels.F32, func(x, y, c int) float64 { return math.Sin(float64(x+y*c)) / 4 })
			if err != nil {
				return err
			}
			return o.LocalTone(dst, src, &kernels.LocalToneParams{Matrix: [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Curve: tone, Tint: tint, Share: share, MaxGain: 3, Shoulder: 0.9})
		},
	}
	for name, f := range cases {
		var out [2]kerneltest.Output
		for i, on := range []kernels.Backend{r, b} {
			m := kerneltest.NewMaker(on, 3)
			defer m.Close()
			src, err := m.Photo(83, 61, 3, kernels.F32)
			if err != nil {
				t.Fatal(err)
			}
			dst, err := m.Blank(83, 61, 3, kernels.F32)
			if err == nil {
				err = f(m, on.Ops(), dst, src)
			}
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", name, err))
			}
			out[i].Images = []*kernels.Image{dst}
		}
		if d, err := kerneltest.Diff(r, b, out[0], out[1]); err != nil || d > 2e-6 {
			t.Errorf("%s: differs by %g: %v", name, d, err)
		}
	}
}
