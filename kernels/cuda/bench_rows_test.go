//go:build cuda && cgo

package cuda

import (
	"fmt"
	"math"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

const (
	u8, u16, f16, f32 = kernels.U8, kernels.U16, kernels.F16, kernels.F32
)

var rows45 = []row{
	fuseRow(kernels.FuseRobust, 5, 4), fuseRow(kernels.FuseMertens, 5, 4), fuseRow(kernels.FuseRobust, 9, 0), fuseRow(kernels.FuseMertens, 9, 0),
	{"SSIM RGB u8", 1.5, func(e *bench) (func(int) error, int64) {
		s := e.pairs(3, u8, 3, u8)
		return func(i int) error { _, err := e.b.Ops().SSIM(s[i%3][0], s[i%3][1], nil, nil); return err }, bytesOf(s[0])
	}},
	{"SSIM RGB u8 with map", 0, func(e *bench) (func(int) error, int64) {
		s := e.pairs(3, u8, 3, u8)
		m := e.blank(e.w, e.h, 3, f32)
		e.tb.Cleanup(m.Free)
		return func(i int) error { _, err := e.b.Ops().SSIM(s[i%3][0], s[i%3][1], m, nil); return err }, bytesOf(s[0]) + m.Bytes()
	}},
	{"DeltaE u8", 1.2, func(e *bench) (func(int) error, int64) {
		s := e.pairs(3, u8, 3, u8)
		return func(i int) error { _, err := e.b.Ops().DeltaE(s[i%3][0], s[i%3][1], nil, nil); return err }, bytesOf(s[0])
	}},
	{"DeltaE u16", 0, func(e *bench) (func(int) error, int64) {
		s := e.pairs(3, u16, 3, u16)
		return func(i int) error { _, err := e.b.Ops().DeltaE(s[i%3][0], s[i%3][1], nil, nil); return err }, bytesOf(s[0])
	}},
	{"Histogram u8 RGB", 0, func(e *bench) (func(int) error, int64) {
		s := e.pairs(3, u8, 3, u8)
		return func(i int) error { _, err := e.b.Ops().Histogram(s[i%3][0], nil); return err }, s[0][0].Bytes()
	}},
	matchRow(u8, 0.4), matchRow(u16, 0),
	{"Feather 96 tiles 768² f16 to u8", 0.5, featherRow},
	{"GuidedFilter f32 radius 32", 2, func(e *bench) (func(int) error, int64) {
		s := e.pairs(1, f32, 1, f32)
		return func(i int) error { return e.b.Ops().GuidedFilter(s[i%3][2], s[i%3][0], s[i%3][1], 32, 1e-3) }, bytesOf(s[0])
	}},
	{"BoxFilter f32 radius 32", 0, func(e *bench) (func(int) error, int64) {
		s := e.pairs(1, f32, 1, f32)
		return func(i int) error { return e.b.Ops().BoxFilter(s[i%3][2], s[i%3][0], 32) }, bytesOf(s[0][1:])
	}},
	warpRow("hand-held", kerneltest.WarpHandHeld, 0.5), warpRow("shift", kerneltest.WarpShift, 0),
	{"LocalTone u8 all maps", 0, localToneRow},
	{"YCbCrToRGB 4:2:0", 0, func(e *bench) (func(int) error, int64) {
		s := e.sets(3, func(seed uint64) []*kernels.Image {
			return []*kernels.Image{e.photo(e.w, e.h, 1, u8, seed, 0), e.photo((e.w+1)/2, (e.h+1)/2, 1, u8, seed+9, 0), e.photo((e.w+1)/2, (e.h+1)/2, 1, u8, seed+19, 0), e.blank(e.w, e.h, 3, u8)}
		})
		return func(i int) error { v := s[i%3]; return e.b.Ops().YCbCrToRGB(v[3], v[0], v[1], v[2]) }, bytesOf(s[0])
	}},
	unaryRow("Convert u8 to f32", 3, u8, 3, f32, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Convert(d, s) }),
	unaryRow("Convert u16 to u8", 3, u16, 3, u8, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Convert(d, s) }),
	unaryRow("DecodeSRGB u8 to f32", 3, u8, 3, f32, func(o *kernels.Ops, d, s *kernels.Image) error { return o.DecodeSRGB(d, s) }),
	unaryRow("EncodeSRGB f32 to u8", 3, f32, 3, u8, func(o *kernels.Ops, d, s *kernels.Image) error { return o.EncodeSRGB(d, s) }),
	unaryRow("Luma u8 to f32", 3, u8, 1, f32, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Luma(d, s) }),
	unaryRow("ColorMatrix u8", 3, u8, 3, u8, func(o *kernels.Ops, d, s *kernels.Image) error {
		return o.ColorMatrix(d, s, &[12]float32{1.2, -0.15, 0.03, 0.01, -0.1, 1.05, 0.02, -0.02, 0.05, -0.3, 1.3, 0.005})
	}),
	unaryRow("Curve u8", 3, u8, 3, u8, func(o *kernels.Ops, d, s *kernels.Image) error {
		return o.Curve(d, s, [][]float32{{0, 0.3, 0.9, 1}})
	}),
	unaryRow("Gradient u8", 1, u8, 2, f32, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Gradient(d, s) }),
	unaryRow("Edges f32", 1, f32, 1, u8, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Edges(d, s, 0.02) }),
	unaryRow("FusionWeights u8", 3, u8, 1, f32, func(o *kernels.Ops, d, s *kernels.Image) error { return o.FusionWeights(d, s, nil) }),
	{"Blend u8", 0, func(e *bench) (func(int) error, int64) {
		s := e.sets(3, func(seed uint64) []*kernels.Image {
			return []*kernels.Image{e.photo(e.w, e.h, 3, u8, seed, 0), e.photo(e.w, e.h, 3, u8, seed+9, 0), e.photo(e.w, e.h, 1, u8, seed+19, 1), e.blank(e.w, e.h, 3, u8)}
		})
		return func(i int) error { v := s[i%3]; return e.b.Ops().Blend(v[3], v[0], v[1], v[2]) }, bytesOf(s[0])
	}},
	sizedRow("PyrDown f32", f32, f32, func(w, h int) (int, int) { return (w + 1) / 2, (h + 1) / 2 }, func(o *kernels.Ops, d, s *kernels.Image) error { return o.PyrDown(d, s) }),
	sizedRow("PyrDown u8", u8, f32, func(w, h int) (int, int) { return (w + 1) / 2, (h + 1) / 2 }, func(o *kernels.Ops, d, s *kernels.Image) error { return o.PyrDown(d, s) }),
	sizedRow("Resize u8 to 1024", u8, u8, func(w, h int) (int, int) { return 1024, 1024 * h / w }, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Resize(d, s) }),
	sizedRow("Resize u8 to 3/4", u8, u8, func(w, h int) (int, int) { return w * 3 / 4, h * 3 / 4 }, func(o *kernels.Ops, d, s *kernels.Image) error { return o.Resize(d, s) }),
	{"PyrUp f32", 0, func(e *bench) (func(int) error, int64) {
		s := e.sets(2, func(seed uint64) []*kernels.Image {
			return []*kernels.Image{e.photo((e.w+1)/2, (e.h+1)/2, 3, f32, seed, 0), e.blank(e.w, e.h, 3, f32)}
		})
		return func(i int) error { return e.b.Ops().PyrUp(s[i%2][1], s[i%2][0]) }, bytesOf(s[0])
	}},
}

func bytesOf(s []*kernels.Image) (n int64) {
	for _, m := range s {
		n += m.Bytes()
	}
	return n
}

// pairs are three sets of two like photos of c channels; where channels are given also a blank of them.
func (e *bench) pairs(c int, f kernels.Format, blank int, bf kernels.Format) [][]*kernels.Image {
	return e.sets(3, func(seed uint64) []*kernels.Image {
		s := []*kernels.Image{e.photo(e.w, e.h, c, f, seed, 0), e.photo(e.w, e.h, c, f, seed+9, 0.1)}
		if c == 1 {
			s = append(s, e.blank(e.w, e.h, blank, bf))
		}
		return s
	})
}

func unaryRow(name string, c int, f kernels.Format, dc int, df kernels.Format, op func(o *kernels.Ops, dst, src *kernels.Image) error) row {
	return row{name, 0, func(e *bench) (func(int) error, int64) {
		s := e.sets(3, func(seed uint64) []*kernels.Image {
			return []*kernels.Image{e.photo(e.w, e.h, c, f, seed, 0), e.blank(e.w, e.h, dc, df)}
		})
		return func(i int) error { return op(e.b.Ops(), s[i%3][1], s[i%3][0]) }, bytesOf(s[0])
	}}
}

func sizedRow(name string, f, df kernels.Format, size func(w, h int) (int, int), op func(o *kernels.Ops, dst, src *kernels.Image) error) row {
	return row{name, 0, func(e *bench) (func(int) error, int64) {
		s := e.sets(3, func(seed uint64) []*kernels.Image {
			w, h := size(e.w, e.h)
			return []*kernels.Image{e.photo(e.w, e.h, 3, f, seed, 0), e.blank(w, h, 3, df)}
		})
		return func(i int) error { return op(e.b.Ops(), s[i%3][1], s[i%3][0]) }, bytesOf(s[0])
	}}
}

func fuseRow(method kernels.FuseMethod, n int, wanted float64) row {
	return row{fmt.Sprintf("Fuse %v %d u8", method, n), wanted, func(e *bench) (func(int) error, int64) {
		s := e.sets(2, func(seed uint64) []*kernels.Image {
			var p []*kernels.Image
			for i := range n {
				p = append(p, e.photo(e.w, e.h, 3, u8, seed+100*uint64(i), 8*float64(i)/float64(n-1)-4))
			}
			return append(p, e.blank(e.w, e.h, 3, u8))
		})
		e.b.pool.resetPeak()
		return func(i int) error {
			return e.b.Ops().Fuse(s[i%2][n], s[i%2][:n], &kernels.FuseOptions{Method: method})
		}, bytesOf(s[0])
	}}
}

func matchRow(f kernels.Format, wanted float64) row {
	return row{"MatchHistogram " + f.String(), wanted, func(e *bench) (func(int) error, int64) {
		s := e.sets(3, func(seed uint64) []*kernels.Image {
			return []*kernels.Image{e.photo(e.w, e.h, 3, f, seed, 0), e.photo(e.w, e.h, 3, f, seed+9, 0.5), e.blank(e.w, e.h, 3, f)}
		})
		return func(i int) error { v := s[i%3]; return e.b.Ops().MatchHistogram(v[2], v[0], v[1], nil, nil) }, bytesOf(s[0]) + s[0][0].Bytes()
	}}
}

func warpRow(name string, h func(w, h int) [9]float64, wanted float64) row {
	return row{"Warp u8 " + name, wanted, func(e *bench) (func(int) error, int64) {
		s := e.sets(3, func(seed uint64) []*kernels.Image {
			return []*kernels.Image{e.photo(e.w, e.h, 3, u8, seed, 0), e.blank(e.w, e.h, 3, u8)}
		})
		m := h(e.w, e.h)
		return func(i int) error { return e.b.Ops().Warp(s[i%3][1], nil, s[i%3][0], &m) }, bytesOf(s[0])
	}}
}

func featherRow(e *bench) (func(int) error, int64) {
	const overlap = 64
	s := e.sets(2, func(seed uint64) []*kernels.Image {
		var tiles []*kernels.Image
		for i, r := range kerneltest.TileGrid(e.w, e.h, 768, overlap) {
			tiles = append(tiles, e.photo(r.Dx(), r.Dy(), 3, f16, seed+uint64(i), 0))
		}
		return append(tiles, e.blank(e.w, e.h, 3, u8))
	})
	return func(i int) error {
		v := s[i%2]
		var tiles []kernels.Tile
		for k, r := range kerneltest.TileGrid(e.w, e.h, 768, overlap) {
			tiles = append(tiles, kernels.Tile{Image: v[k], At: r.Min})
		}
		return e.b.Ops().Feather(v[len(v)-1], tiles, overlap)
	}, bytesOf(s[0])
}

func localToneRow(e *bench) (func(int) error, int64) {
	s := e.sets(3, func(seed uint64) []*kernels.Image {
		return []*kernels.Image{e.photo(e.w, e.h, 3, u8, seed, 0), e.blank(e.w, e.h, 3, u8)}
	})
	p := &kernels.LocalToneParams{
		Matrix: [9]float32{1.3, -0.1, 0.02, -0.05, 1.1, 0.03, 0.01, -0.2, 1.5}, Curve: make([]float32, 41), Detail: 0.3, MaxGain: 2.5, Shoulder: 0.8,
		Base: e.photo(1024, 683, 2, f32, 5, 0), Gain: e.photo(64, 43, 1, f32, 6, 0), Tint: e.photo(64, 43, 3, f32, 7, 0),
	}
	for i := range p.Curve {
		p.Curve[i] = float32(math.Sin(float64(i) / 9))
	}
	for i := range 34 {
		p.Share = append(p.Share, float32(0.8+0.4*math.Cos(float64(i)/5)))
	}
	return func(i int) error { return e.b.Ops().LocalTone(s[i%3][1], s[i%3][0], p) }, bytesOf(s[0])
}
