package kerneltest

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// Sizes are the shapes every case runs at, odd and even: from one pixel to several of the
// bands and tiles that backends split pictures into (the widest and the highest apart, to save time).
var Sizes = [][2]int{{1, 1}, {2, 1}, {1, 3}, {5, 4}, {17, 13}, {64, 33}, {161, 127}, {331, 70}, {97, 260}}

// Test runs all cases of the backend against the reference, whole and as windows of larger images.
func Test(t *testing.T, ref, b kernels.Backend) {
	for _, c := range Cases() {
		if !b.Ops().Has(c.Op) || !ref.Ops().Has(c.Op) {
			continue
		}
		t.Run(c.Op+"/"+c.Name, func(t *testing.T) {
			var worst float64
			for _, size := range Sizes {
				d, err := Compare(ref, b, c, size[0], size[1])
				if err != nil {
					t.Fatalf("%d×%d: %v", size[0], size[1], err)
				}
				worst = max(worst, d)
			}
			t.Logf("largest difference %.3g, tolerance %.3g", worst, c.Tol)
		})
	}
}

// Compare returns the largest difference at one size, whole and as windows, or an
// error when it is over the tolerance.
func Compare(ref, b kernels.Backend, c Case, w, h int) (worst float64, err error) {
	seed := uint64(w)<<20 ^ uint64(h)
	want, wm, err := run(ref, c, seed, w, h, false)
	defer wm.Close()
	if err != nil {
		return 0, fmt.Errorf("reference: %w", err)
	}
	for _, window := range []bool{false, true} {
		got, gm, err := run(b, c, seed, w, h, window)
		var d float64
		if err == nil {
			d, err = Diff(ref, b, want, got)
		}
		if err == nil && !(d <= c.Tol) {
			err = fmt.Errorf("differs by %.4g, tolerance %.4g (%s)", d, c.Tol, c.Why)
		}
		if cerr := gm.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return 0, fmt.Errorf("window %v: %w", window, err)
		}
		worst = max(worst, d)
	}
	return worst, nil
}

func run(b kernels.Backend, c Case, seed uint64, w, h int, window bool) (Output, *Maker, error) {
	m := NewMaker(b, seed)
	m.Window = window
	out, err := c.Run(m, b.Ops(), w, h)
	return out, m, err
}

// Diff is the largest difference between two outputs, in the units of Case.Tol; NaN against a number is infinite.
func Diff(wb, gb kernels.Backend, want, got Output) (float64, error) {
	if len(want.Images) != len(got.Images) || len(want.Scalars) != len(got.Scalars) {
		return 0, fmt.Errorf("%d images and %d numbers, want %d and %d", len(got.Images), len(got.Scalars), len(want.Images), len(want.Scalars))
	}
	var worst float64
	note := func(a, b float64) {
		d := math.Abs(a - b)
		if math.IsNaN(a) != math.IsNaN(b) {
			d = math.Inf(1)
		}
		if d > worst {
			worst = d
		}
	}
	for i := range want.Images {
		w, err := Download(wb, want.Images[i])
		if err != nil {
			return 0, err
		}
		g, err := Download(gb, got.Images[i])
		if err != nil {
			return 0, err
		}
		if w.String() != g.String() {
			return 0, fmt.Errorf("image %d is %v, want %v", i, g, w)
		}
		for y := range w.Height() {
			if bytes.Equal(w.Row(y), g.Row(y)) {
				continue
			}
			for x := range w.Width() {
				for k := range w.Channels() {
					note(At(w, x, y, k), At(g, x, y, k))
				}
			}
		}
		w.Free()
		g.Free()
	}
	for i, v := range want.Scalars {
		scale := max(1, math.Abs(v))
		note(v/scale, got.Scalars[i]/scale)
	}
	return worst, nil
}
