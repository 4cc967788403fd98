package mefssim

import (
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
	_ "github.com/realedit/realedit/kernels/cpu"
	"github.com/realedit/realedit/kernels/kerneltest"
	_ "github.com/realedit/realedit/kernels/ref"
)

// formula is n exposures of a scene and their mean, rounded down.
func formula(w, h, n int) (photos []*kernels.Image, mean *kernels.Image) {
	sum := make([]int, w*h*3)
	for i := range n {
		pix := make([]uint8, w*h*3)
		for k := range pix {
			x, y, c := k/3%w, k/3/w, k%3
			v := (x*5+y*3+c*17)%61 + 36*((x/6+y/5)%3) + ((x*73856093)^(y*19349663)^(c*83492791))%13
			pix[k] = uint8(min(255, v<<(2*i)>>2))
			sum[k] += int(pix[k])
		}
		m, _ := kernels.Wrap(pix, w, h, 3)
		photos = append(photos, m)
	}
	pix := make([]uint8, w*h*3)
	for k, v := range sum {
		pix[k] = uint8(v / n)
	}
	mean, _ = kernels.Wrap(pix, w, h, 3)
	return photos, mean
}

// The values are those of an independent program in numpy.
func TestScoreRecorded(t *testing.T) {
	photos, mean := formula(61, 50, 3)
	for _, c := range []struct {
		name  string
		fused *kernels.Image
		want  Result
	}{
		{"mean", mean, Result{0.844873418964, [3]float64{0.837149057501, 0.843388459396, 0.847450218243}}},
		{"photo 1", photos[1], Result{0.793318432801, [3]float64{0.756629091929, 0.790978802375, 0.801194967202}}},
	} {
		got, err := Score(photos, c.fused)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Score-c.want.Score) > 1e-9 {
			t.Errorf("%s: score %.12f, want %.12f", c.name, got.Score, c.want.Score)
		}
		for l := range got.Scales {
			if math.Abs(got.Scales[l]-c.want.Scales[l]) > 1e-9 {
				t.Errorf("%s: scale %d is %.12f, want %.12f", c.name, l, got.Scales[l], c.want.Scales[l])
			}
		}
	}
}

// One photo fused to itself is perfect.
func TestScoreOfItself(t *testing.T) {
	photos, _ := formula(45, 44, 2)
	got, err := Score(photos[1:], photos[1])
	if err != nil || got.Score < 0.9999 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestScoreRefuses(t *testing.T) {
	photos, mean := formula(45, 44, 2)
	small, _ := formula(44, 43, 1)
	for name, err := range map[string]error{
		"none":  second(Score(nil, mean)),
		"nil":   second(Score(photos, nil)),
		"sizes": second(Score(photos, small[0])),
		"small": second(Score(small, small[0])),
	} {
		if !errors.Is(err, kernels.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What OpenCV's MergeMertens scores on real brackets (measured by an independent program); ours is the
// same picture within a level, so it scores the same. memorial's blue borders are cut off.
func TestMertensOnPhotos(t *testing.T) {
	dir := phototest.Dir(t)
	b := kerneltest.Host(t)
	defer b.Close()
	for _, c := range []struct {
		set  string
		want float64
	}{{"matlab_office", 0.9806}, {"fusion_house", 0.9657}, {"fusion_room", 0.9909}, {"mpi_exposures", 0.9721}, {"lamp_stack", 0.9559}, {"memorial", 0.9759}} {
		if testing.Short() && c.set != "fusion_room" {
			continue
		}
		t.Run(c.set, func(t *testing.T) {
			photos := load(t, filepath.Join(dir, "brackets", c.set))
			if c.set == "memorial" {
				photos = crop(photos)
			}
			dst, err := kernels.NewHostImage(nil, photos[0].Width(), photos[0].Height(), 3, kernels.U8)
			if err != nil {
				t.Fatal(err)
			}
			if err := kernels.Complete(b, nil).Fuse(dst, photos, &kernels.FuseOptions{Method: kernels.FuseMertens}); err != nil {
				t.Fatal(err)
			}
			got, err := Score(photos, dst)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%.4f (OpenCV %.4f)", got.Score, c.want)
			tol := 1.5e-3 // image/jpeg repeats chroma samples, OpenCV's decoder interpolates them
			if c.set == "fusion_room" || c.set == "memorial" {
				tol = 1e-4 // PNG
			}
			if math.Abs(got.Score-c.want) > tol {
				t.Errorf("scores %.4f, OpenCV %.4f", got.Score, c.want)
			}
		})
	}
}

func load(t *testing.T, dir string) []*kernels.Image {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	var photos []*kernels.Image
	for _, n := range names {
		switch strings.ToLower(filepath.Ext(n)) {
		case ".jpg", ".jpeg", ".png":
		default:
			continue
		}
		f, err := os.Open(n)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", n, err))
		}
		b := m.Bounds()
		pix := make([]uint8, 0, b.Dx()*b.Dy()*3)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				r, g, bl, _ := m.At(x, y).RGBA()
				pix = append(pix, uint8(r>>8), uint8(g>>8), uint8(bl>>8))
			}
		}
		p, err := kernels.Wrap(pix, b.Dx(), b.Dy(), 3)
		if err != nil {
			t.Fatal(err)
		}
		photos = append(photos, p)
	}
	if len(photos) == 0 {
		t.Fatalf("no photos in %s", dir)
	}
	return photos
}

// crop cuts off the rows and columns that are pure blue in some photo for half their length.
func crop(photos []*kernels.Image) []*kernels.Image {
	w, h := photos[0].Width(), photos[0].Height()
	rows, cols := make([]int, h), make([]int, w)
	for y := range h {
		for x := range w {
			ok := 1
			for _, p := range photos {
				v := p.RowU8(y)[3*x:]
				if v[2] > 200 && v[0] < 20 && v[1] < 20 {
					ok = 0
				}
			}
			rows[y] += ok
			cols[x] += ok
		}
	}
	span := func(n []int, full int) (a, b int) {
		a, b = -1, 0
		for i, v := range n {
			if 2*v > full {
				if a < 0 {
					a = i
				}
				b = i + 1
			}
		}
		return a, b
	}
	y0, y1 := span(rows, w)
	x0, x1 := span(cols, h)
	out := make([]*kernels.Image, len(photos))
	for i, p := range photos {
		out[i] = p.SubImage(image.Rect(x0, y0, x1, y1))
	}
	return out
}
