//go:build cgo

package cpu

import (
	"bytes"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/realedit/realedit/internal/mefssim"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
)

func merged(t *testing.T, photos []*kernels.Image, o *kernels.FuseOptions) *kernels.Image {
	t.Helper()
	w, h := photos[0].Width(), photos[0].Height()
	dst, err := kernels.Wrap(make([]uint8, 3*w*h), w, h, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := New(2).Ops().Fuse(dst, photos, o); err != nil {
		t.Fatal(err)
	}
	return dst
}

func evenWall(t *testing.T) (*scene.Scene, []*kernels.Image) {
	t.Helper()
	s := scene.EvenWall(scene.EvenWallOptions{W: 600, H: 400, Samples: 2})
	var photos []*kernels.Image
	for _, p := range s.Bracket(scene.BracketOptions{}).Photos {
		m, err := kernels.Wrap(p.Pix, p.W, p.H, 3)
		if err != nil {
			t.Fatal(err)
		}
		photos = append(photos, m)
	}
	return s, photos
}

func lumaOf(m *kernels.Image, x, y int) float64 {
	p := m.RowU8(y)[3*x:]
	return 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
}

// A wall of one radiance around a bright window keeps one brightness, and the view keeps its structure.
func TestFuseRobustAroundAWindow(t *testing.T) {
	s, photos := evenWall(t)
	x0, y0, x1, y1 := s.W, s.H, 0, 0
	for i, v := range s.Opening {
		if v > 0 {
			x0, y0, x1, y1 = min(x0, i%s.W), min(y0, i/s.W), max(x1, i%s.W), max(y1, i/s.W)
		}
	}
	measure := func(m *kernels.Image) (halo, correlation, clipped, wall float64) {
		var near, far [2]float64
		for i, v := range s.Wall {
			x, y := i%s.W, i/s.W
			d := max(x0-x, x-x1, y0-y, y-y1)
			if v < 1 || d < 1 {
				continue
			}
			l := lumaOf(m, x, y)
			if d <= 20 {
				near[0], near[1] = near[0]+l, near[1]+1
			} else if d >= 90 && d <= 110 {
				far[0], far[1] = far[0]+l, far[1]+1
			}
		}
		wall = far[0] / far[1]
		halo = math.Abs(near[0]/near[1] - wall)
		var ab, aa, bb, n, lost float64
		for i := range s.Window {
			if i%s.W == 0 || i < s.W || s.Window[i] < 1 || s.Window[i-1] < 1 || s.Window[i-s.W] < 1 {
				continue
			}
			n++
			if lumaOf(m, i%s.W, i/s.W) >= 250 {
				lost++
			}
			log := func(i int) float64 {
				r := s.Radiance[3*i:]
				return math.Log2(0.2126*float64(r[0]) + 0.7152*float64(r[1]) + 0.0722*float64(r[2]))
			}
			for _, j := range []int{i - 1, i - s.W} {
				a := lumaOf(m, i%s.W, i/s.W) - lumaOf(m, j%s.W, j/s.W)
				b := log(i) - log(j)
				ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
			}
		}
		return halo, ab / math.Sqrt(aa*bb), lost / n, wall
	}
	robust, mertens := merged(t, photos, nil), merged(t, photos, &kernels.FuseOptions{Method: kernels.FuseMertens})
	halo, correlation, clipped, wall := measure(robust)
	mh, mc, ml, mw := measure(mertens)
	t.Logf("robust:  halo %.2f/255, correlation %.3f of the view's gradients, %.2f %% at luma 250 or above, wall %.0f", halo, correlation, 100*clipped, wall)
	t.Logf("mertens: halo %.2f/255, correlation %.3f of the view's gradients, %.2f %% at luma 250 or above, wall %.0f", mh, mc, 100*ml, mw)
	if !(halo <= 3 && correlation >= 0.9 && clipped <= 0.01) {
		t.Errorf("want a halo of at most 3/255, a correlation of at least 0.9 and at most 1 %% lost")
	}
	if !(halo < mh) {
		t.Errorf("no better than Mertens")
	}
}

// The order of photos does not show, and a photo that is black or white takes no part.
func TestFuseRobustOrder(t *testing.T) {
	_, photos := evenWall(t)
	want := merged(t, photos, nil)
	reversed := slices.Clone(photos)
	slices.Reverse(reversed)
	w, h := want.Width(), want.Height()
	black, _ := kernels.Wrap(make([]uint8, 3*w*h), w, h, 3)
	white, _ := kernels.Wrap(bytes.Repeat([]byte{255}, 3*w*h), w, h, 3)
	for name, set := range map[string][]*kernels.Image{"reversed": reversed, "with black and white": append([]*kernels.Image{black, white}, photos...)} {
		got := merged(t, set, nil)
		for y := range h {
			if !bytes.Equal(want.RowU8(y), got.RowU8(y)) {
				t.Fatalf("%s: row %d differs", name, y)
			}
		}
	}
	for _, set := range [][]*kernels.Image{photos[1:2], {black, photos[1], white}} {
		got := merged(t, set, nil)
		for y := range h {
			if !bytes.Equal(photos[1].RowU8(y), got.RowU8(y)) {
				t.Fatalf("the merge of one photo is not that photo: row %d", y)
			}
		}
	}
}

// Where one photo alone is valid the merge shows its structure and nothing of the others.
func TestFuseRobustGhost(t *testing.T) {
	_, photos := evenWall(t)
	w, h := photos[0].Width(), photos[0].Height()
	patch := image.Rect(60, 280, 200, 380)
	ghost := func(x, y int) bool { return image.Pt(x, y).In(patch) }
	var spoilt, valid []*kernels.Image
	for i, p := range photos {
		if i == 0 {
			spoilt, valid = append(spoilt, p), append(valid, nil)
			continue
		}
		pix, v := make([]uint8, 0, 3*w*h), make([]uint8, 0, w*h)
		for y := range h {
			for x := range w {
				if ghost(x, y) { // somebody in check
					c := uint8(255 * ((x/7 + y/5 + i) % 2))
					pix, v = append(pix, c, 255-c, c), append(v, 0)
				} else {
					pix, v = append(pix, p.RowU8(y)[3*x:3*x+3]...), append(v, 255)
				}
			}
		}
		m, _ := kernels.Wrap(pix, w, h, 3)
		c, _ := kernels.Wrap(v, w, h, 1)
		spoilt, valid = append(spoilt, m), append(valid, c)
	}
	got, clean := merged(t, spoilt, &kernels.FuseOptions{Valid: valid}), merged(t, photos, &kernels.FuseOptions{Valid: valid})
	var worst float64 // the ghost is in the reduced photos, whence the tables are made of valid pixels alone but for the need of levels
	for y := range h {
		for i, v := range got.RowU8(y) {
			worst = max(worst, math.Abs(float64(v)-float64(clean.RowU8(y)[i])))
		}
	}
	ssim := func(a, b *kernels.Image, cs bool) float64 {
		r, err := New(2).Ops().SSIM(a.SubImage(patch), b.SubImage(patch), nil, &kernels.SSIMOptions{ContrastStructure: cs})
		if err != nil {
			t.Fatal(err)
		}
		return r.Mean
	}
	full, structure := ssim(got, photos[0], false), ssim(got, photos[0], true)
	t.Logf("SSIM with the valid photo %.4f, its contrast and structure %.4f; with and without the ghost differs by %.0f levels", full, structure, worst)
	if !(structure >= 0.95) { // brightness is the common tone's
		t.Errorf("structure of the patch %.4f, want at least 0.95", structure)
	}
}

// On photographs the merge scores no less than Mertens' in MEF-SSIM. (enfuse is below that on all of them: docs/benchmarks.md.)
func TestFuseRobustOnPhotographs(t *testing.T) {
	dir := phototest.Dir(t)
	for _, glob := range []string{"matlab_office/*.jpg", "fusion_house/*.jpg", "fusion_room/*.png", "mpi_exposures/*.jpg", "lamp_stack/*.jpg", "memorial/*.png"} {
		if testing.Short() && glob != "fusion_room/*.png" {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, "brackets", glob))
		if err != nil || len(files) < 2 {
			t.Fatalf("%s: %d files, %v", glob, len(files), err)
		}
		var photos []*kernels.Image
		for _, f := range files {
			photos = append(photos, readPicture(t, f))
		}
		inside := insideBlue(photos)
		var scores [2]float64
		for i, method := range []kernels.FuseMethod{kernels.FuseRobust, kernels.FuseMertens} {
			m := merged(t, photos, &kernels.FuseOptions{Method: method})
			cut := make([]*kernels.Image, len(photos))
			for k, p := range photos {
				cut[k] = p.SubImage(inside)
			}
			r, err := mefssim.Score(cut, m.SubImage(inside))
			if err != nil {
				t.Fatal(err)
			}
			scores[i] = r.Score
		}
		t.Logf("%s: robust %.4f, mertens %.4f", glob, scores[0], scores[1])
		if !(scores[0] >= scores[1]) {
			t.Errorf("%s: MEF-SSIM %.4f, want at least Mertens' %.4f", glob, scores[0], scores[1])
		}
	}
}

// insideBlue is the rectangle inside borders of pure blue, which one of the sets has.
func insideBlue(photos []*kernels.Image) image.Rectangle {
	b := photos[0].Bounds()
	rows, columns := make([]int, b.Dy()), make([]int, b.Dx())
	for y := range rows {
		for x := range columns {
			for _, p := range photos {
				if v := p.RowU8(y)[3*x:]; v[0] < 5 && v[1] < 5 && v[2] > 250 {
					rows[y]++
					columns[x]++
					break
				}
			}
		}
	}
	for rows[b.Min.Y] > b.Dx()/2 {
		b.Min.Y++
	}
	for rows[b.Max.Y-1] > b.Dx()/2 {
		b.Max.Y--
	}
	for columns[b.Min.X] > len(rows)/2 {
		b.Min.X++
	}
	for columns[b.Max.X-1] > len(rows)/2 {
		b.Max.X--
	}
	return b
}

func readPicture(t *testing.T, path string) *kernels.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	b := src.Bounds()
	pix := make([]uint8, 0, 3*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := src.At(x, y).RGBA()
			pix = append(pix, uint8(r>>8), uint8(g>>8), uint8(bl>>8))
		}
	}
	m, err := kernels.Wrap(pix, b.Dx(), b.Dy(), 3)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
