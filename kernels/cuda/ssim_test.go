//go:build cuda && cgo

package cuda

import (
	"image"
	"math"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// A pixel's value does not depend on where blocks begin: a window has the same bits as the picture it is of, but for the five pixels
// at its border. The picture is large enough for the high blocks. Its mean is that of its map.
func TestSSIMBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes pictures of four megapixels")
	}
	b := gpu(t)
	const w, h = 2351, 1785
	m := kerneltest.NewMaker(b, 3)
	defer m.Close()
	photo := func() *kernels.Image {
		p, err := m.Photo(w, h, 1, kernels.U8)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	x, y := photo(), photo()
	ssim := func(r image.Rectangle) (kernels.SSIMResult, *kernels.Image) {
		s, err := m.Blank(r.Dx(), r.Dy(), 1, kernels.F32)
		if err != nil {
			t.Fatal(err)
		}
		res, err := b.Ops().SSIM(x.SubImage(r), y.SubImage(r), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		host, err := kerneltest.Download(b, s)
		if err != nil {
			t.Fatal(err)
		}
		return res, host
	}
	res, whole := ssim(image.Rect(0, 0, w, h))
	r := image.Rect(217, 101, 1217, 701)
	_, part := ssim(r)
	for y := 5; y < r.Dy()-5; y++ {
		for x := 5; x < r.Dx()-5; x++ {
			if got, want := kerneltest.At(part, x, y, 0), kerneltest.At(whole, r.Min.X+x, r.Min.Y+y, 0); got != want {
				t.Fatalf("(%d,%d) is %v in the window, %v in the picture", x, y, got, want)
			}
		}
	}
	sum := 0.0
	for y := 5; y < h-5; y++ {
		for x := 5; x < w-5; x++ {
			sum += kerneltest.At(whole, x, y, 0)
		}
	}
	if mean := sum / ((w - 10) * (h - 10)); math.Abs(res.Mean-mean) > 1e-6 {
		t.Errorf("mean %v, the map's is %v", res.Mean, mean)
	}
}

// Any picture has a grid that CUDA takes, and blocks of whole rounds.
func TestSSIMRows(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {8192, 5464}, {1, 1<<22 - 1}, {1, 1 << 22}, {1, math.MaxInt32}} {
		if rows := ssimRows(size.X, size.Y); rows%8 != 0 || over(size.Y, rows) > 65535 {
			t.Errorf("%v: blocks of %d rows", size, rows)
		}
	}
}
