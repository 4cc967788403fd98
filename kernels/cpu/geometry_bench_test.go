//go:build cgo && unix

package cpu

import (
	"syscall"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// Benchmarks of formats and geometry at 45 MP: go test ./kernels/cpu -run xxx -bench 45MP -benchtime 5x
const benchW, benchH = 8192, 5464

// benchImage is a picture-like image: shading, edges and noise that no predictor learns, made quickly.
func benchImage(b *testing.B, w, h, c int, f kernels.Format) *kernels.Image {
	b.Helper()
	m, err := kernels.NewHostImage(nil, w, h, c, f)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Free)
	rng := uint32(1)
	for y := range h {
		for i := range w * c {
			rng = rng*1664525 + 1013904223
			v := uint32((i/c+2*y)>>6&127) + uint32((i/c)>>8&1)*64 + rng>>27
			switch f {
			case kernels.U8:
				m.RowU8(y)[i] = uint8(v)
			case kernels.U16:
				m.RowU16(y)[i] = uint16(v * 257)
			case kernels.F16:
				m.RowHalf(y)[i] = kernels.Half(0x2c00 + v*8)
			default:
				m.RowF32(y)[i] = float32(v) / 255
			}
		}
	}
	return m
}

func benchOp(b *testing.B, name string, bytes int64, f func() error) {
	b.Run(name+"/45MP", func(b *testing.B) {
		b.SetBytes(bytes)
		before := cpuTime(b)
		for range b.N {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpuTime(b)-before)*1e3/float64(b.N), "cpu-ms/op")
	})
}

// cpuTime is the seconds of processor time this process has used, on all cores: what
// to look at when the machine is busy with other things.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func BenchmarkFormats(b *testing.B) {
	o := New(0).Ops()
	u8, f32 := benchImage(b, benchW, benchH, 3, kernels.U8), benchImage(b, benchW, benchH, 3, kernels.F32)
	out8, out32 := benchImage(b, benchW, benchH, 3, kernels.U8), benchImage(b, benchW, benchH, 3, kernels.F32)
	gray := benchImage(b, benchW, benchH, 1, kernels.U8)
	cb, cr := benchImage(b, benchW/2, benchH/2, 1, kernels.U8), benchImage(b, benchW/2, benchH/2, 1, kernels.U8)
	benchOp(b, "YCbCrToRGB 4:2:0", gray.Bytes()+2*cb.Bytes()+out8.Bytes(), func() error { return o.YCbCrToRGB(out8, gray, cb, cr) })
	benchOp(b, "Convert u8→f32", u8.Bytes()+out32.Bytes(), func() error { return o.Convert(out32, u8) })
	benchOp(b, "Convert f32→u8", f32.Bytes()+out8.Bytes(), func() error { return o.Convert(out8, f32) })
	benchOp(b, "DecodeSRGB u8→f32", u8.Bytes()+out32.Bytes(), func() error { return o.DecodeSRGB(out32, u8) })
	benchOp(b, "DecodeSRGB f32→f32", f32.Bytes()+out32.Bytes(), func() error { return o.DecodeSRGB(out32, f32) })
	benchOp(b, "EncodeSRGB f32→u8", f32.Bytes()+out8.Bytes(), func() error { return o.EncodeSRGB(out8, f32) })
	benchOp(b, "Luma u8→u8", u8.Bytes()+gray.Bytes(), func() error { return o.Luma(gray, u8) })
}

func BenchmarkGeometry(b *testing.B) {
	o := New(0).Ops()
	u8, out8, out8b := benchImage(b, benchW, benchH, 3, kernels.U8), benchImage(b, benchW, benchH, 3, kernels.U8), benchImage(b, benchW, benchH, 3, kernels.U8)
	gray, valid := benchImage(b, benchW, benchH, 1, kernels.U8), benchImage(b, benchW, benchH, 1, kernels.U8)
	half, up := benchImage(b, benchW/2, benchH/2, 3, kernels.F32), benchImage(b, benchW, benchH, 3, kernels.F32)
	small := benchImage(b, benchW/4, benchH/4, 3, kernels.U8)
	frac := benchImage(b, 3000, 2000, 3, kernels.U8)
	h, shift := kerneltest.WarpHandHeld(benchW, benchH), kerneltest.WarpShift(benchW, benchH)
	benchOp(b, "Warp u8 hand-held", u8.Bytes()+out8.Bytes(), func() error { return o.Warp(out8, valid, u8, &h) })
	benchOp(b, "Warp u8 shift", u8.Bytes()+out8.Bytes(), func() error { return o.Warp(out8, valid, u8, &shift) })
	benchOp(b, "Warp u8 1 channel", 2*gray.Bytes(), func() error { return o.Warp(valid, nil, gray, &h) })
	benchOp(b, "PyrDown u8", u8.Bytes()+half.Bytes(), func() error { return o.PyrDown(half, u8) })
	benchOp(b, "PyrUp f32", up.Bytes()+half.Bytes(), func() error { return o.PyrUp(up, half) })
	benchOp(b, "Resize u8 quarter", u8.Bytes(), func() error { return o.Resize(small, u8) })
	benchOp(b, "Resize u8 to 3000x2000", u8.Bytes(), func() error { return o.Resize(frac, u8) })
	benchOp(b, "Blend u8", 3*u8.Bytes(), func() error { return o.Blend(out8, u8, out8b, gray) })
}

func BenchmarkFeather(b *testing.B) {
	o := New(0).Ops()
	const w, h = 8183, 5455
	for _, f := range []kernels.Format{kernels.U8, kernels.F16, kernels.F32} {
		var tiles []kernels.Tile
		for _, r := range kerneltest.TileGrid(w, h, 768, 64) {
			tiles = append(tiles, kernels.Tile{Image: benchImage(b, r.Dx(), r.Dy(), 3, f), At: r.Min})
		}
		if len(tiles) != 96 {
			b.Fatalf("%d tiles", len(tiles))
		}
		dst := benchImage(b, w, h, 3, f)
		benchOp(b, "96 tiles "+f.String(), 2*dst.Bytes(), func() error { return o.Feather(dst, tiles, 64) })
	}
}
