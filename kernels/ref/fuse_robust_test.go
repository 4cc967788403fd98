package ref

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// testClaim is claim of testdata/fuse_robust.py.
func testClaim(i, w, h int) []uint8 {
	out := make([]uint8, 0, w*h)
	for y := range h {
		for x := range w {
			v := min(255, 60*max(0, x-i))
			if 3*x > 2*w && 2*y > h && i != 1 {
				v = 0
			}
			out = append(out, uint8(v))
		}
	}
	return out
}

// Recorded merges of an implementation in NumPy and OpenCV.
func TestFuseRobustAgainstNumPy(t *testing.T) {
	data, err := os.ReadFile("testdata/fuse_robust.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		W, H, N int
		Masked  bool
		Sum     []int
		Fused   []float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, f := range []kernels.Format{kernels.U8, kernels.U16, kernels.F32} {
			var photos, valid []*kernels.Image
			for i := range c.N {
				pix, sum := testPhoto(i, c.W, c.H), 0
				for _, v := range pix {
					sum += int(v)
				}
				if sum != c.Sum[i] {
					t.Fatalf("photo %d sums to %d, recorded %d: the formulas differ", i, sum, c.Sum[i])
				}
				photos = append(photos, scaled(t, pix, c.W, c.H, f))
				if c.Masked {
					v, err := kernels.Wrap(testClaim(i, c.W, c.H), c.W, c.H, 1)
					if err != nil {
						t.Fatal(err)
					}
					valid = append(valid, v)
				}
			}
			out, _ := kernels.Wrap(make([]float32, c.W*c.H*3), c.W, c.H, 3)
			if err := ops.Fuse(out, photos, &kernels.FuseOptions{Valid: valid}); err != nil {
				t.Fatal(err)
			}
			var worst, mean float64
			for y := range c.H {
				for i, v := range out.RowF32(y) {
					d := math.Abs(float64(v) - c.Fused[y*c.W*3+i])
					worst, mean = max(worst, d), mean+d/float64(len(c.Fused))
				}
			}
			t.Logf("%d×%d %v, %d photos, masked %v: differs by %.3g, in the mean %.3g", c.W, c.H, f, c.N, c.Masked, worst, mean)
			if !(worst <= 4e-4 && mean <= 5e-5) { // lumas, tables and weights are rounded to 15 or 16 bits, the recording to 1e-4
				t.Errorf("%d×%d %v, %d photos, masked %v: differs by %.3g, in the mean %.3g", c.W, c.H, f, c.N, c.Masked, worst, mean)
			}
		}
	}
}
