package jpegcoef

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/phototest"
)

// zigzag is where the k-th coefficient lies in a block (figure A.6).
var zigzag = [64]int{0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63}

// planes decodes to samples by the book (A.3.3 in floating point): of each component its plane and the plane's width.
func planes(t testing.TB, f *File) (pix [][]float64, width []int) {
	for _, c := range f.Components {
		width = append(width, 8*c.H*f.Across)
		pix = append(pix, make([]float64, 8*c.H*f.Across*8*c.V*f.Down))
	}
	var cosine [8][8]float64
	for x := range 8 {
		for u := range 8 {
			cosine[x][u] = math.Cos(float64(2*x+1)*float64(u)*math.Pi/16) / 2
			if u == 0 {
				cosine[x][u] /= math.Sqrt2
			}
		}
	}
	require.NoError(t, f.Rows(context.Background(), func(uy int, row []int16) error {
		for ux := range f.Across {
			for i, c := range f.Components {
				for b := range c.H * c.V {
					var s, half [64]float64
					for k, v := range row[:64] {
						s[zigzag[k]] = float64(v) * float64(c.Quant[k])
					}
					row = row[64:]
					for v := range 8 {
						for x := range 8 {
							for u := range 8 {
								half[8*v+x] += s[8*v+u] * cosine[x][u]
							}
						}
					}
					x0, y0 := 8*(ux*c.H+b%c.H), 8*(uy*c.V+b/c.H)
					for y := range 8 {
						for x := range 8 {
							p := 128.0
							for v := range 8 {
								p += half[8*v+x] * cosine[y][v]
							}
							pix[i][(y0+y)*width[i]+x0+x] = p
						}
					}
				}
			}
		}
		return nil
	}))
	return pix, width
}

// sameAs holds the file's coefficients, transformed by the book, against image/jpeg's samples: one level of rounding apart at most.
func sameAs(t testing.TB, f *File, m image.Image) {
	t.Helper()
	pix, width := planes(t, f)
	var all [][]uint8
	var strides []int
	switch m := m.(type) {
	case *image.YCbCr:
		all, strides = [][]uint8{m.Y, m.Cb, m.Cr}, []int{m.YStride, m.CStride, m.CStride}
	case *image.Gray:
		all, strides = [][]uint8{m.Pix}, []int{m.Stride}
	default:
		t.Fatalf("%T", m)
	}
	require.Len(t, pix, len(all))
	for i := range all {
		c := f.Components[i]
		w, h := (f.Width*c.H*8+f.UnitWidth-1)/f.UnitWidth, (f.Height*c.V*8+f.UnitHeight-1)/f.UnitHeight
		sum := 0.0
		for y := range h {
			for x := range w {
				want := min(max(pix[i][y*width[i]+x], 0), 255)
				d := math.Abs(want - float64(all[i][y*strides[i]+x]))
				if d > 1.01 {
					t.Fatalf("component %d at %d,%d: %v, image/jpeg has %d", i, x, y, want, all[i][y*strides[i]+x])
				}
				sum += d
			}
		}
		if w*h > 1000 { // rounding alone is a quarter of a level on average
			require.Less(t, sum/float64(w*h), 0.35, "component %d", i)
		}
	}
}

func noisy(w, h int, seed uint64) *image.RGBA {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := 128 + 90*((x/9+y/7)%2) - rng.IntN(60)
			m.SetRGBA(x, y, color.RGBA{uint8(v), uint8(v/2 + x%90), uint8(255 - v), 255})
		}
	}
	return m
}

func encoded(t testing.TB, m image.Image, quality int) []byte {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}))
	return b.Bytes()
}

func TestCoefficientsMakeThePictureThatImageJpegDecodes(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {16, 16}, {17, 5}, {333, 129}} {
		for _, q := range []int{1, 60, 95, 100} {
			data := encoded(t, noisy(size.X, size.Y, uint64(q)), q)
			f, err := Parse(data)
			require.NoError(t, err)
			require.Equal(t, [3]int{16, 16, 6}, [3]int{f.UnitWidth, f.UnitHeight, f.Blocks})
			m, err := jpeg.Decode(bytes.NewReader(data))
			require.NoError(t, err)
			sameAs(t, f, m)
			require.Equal(t, data, slices.Concat(f.Parts()...), "image/jpeg writes no application segments")
			require.Empty(t, f.Rest())
		}
	}
	g := image.NewGray(image.Rect(0, 0, 45, 19))
	for i := range g.Pix {
		g.Pix[i] = uint8(i * 7)
	}
	data := encoded(t, g, 90)
	f, err := Parse(data)
	require.NoError(t, err)
	m, err := jpeg.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	sameAs(t, f, m)
}

// Cameras' own files: other samplings, restart intervals, Huffman tables and segments than image/jpeg writes.
func TestCoefficientsOfPhotographs(t *testing.T) {
	names, err := filepath.Glob("../../testdata/listing/*.JPG")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	names = names[:2]
	if dir := os.Getenv("REALEDIT_PHOTOS"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "metadata", "*", "*.[jJ][pP][gG]"))
		require.NoError(t, err)
		names = append(names, more...)
	}
	kinds, decoded := map[string]int{}, 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		f, err := Parse(data)
		if err != nil {
			require.True(t, typed(err), "%s: %v", name, err)
			continue
		}
		if f.Width*f.Height > 3e6 || len(f.Components) == 4 {
			continue
		}
		if f.Rows(context.Background(), func(int, []int16) error { return nil }) != nil {
			continue // broken ones are in the set, too
		}
		m, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			continue
		}
		if _, ok := m.(*image.RGBA); ok { // coded as RGB
			continue
		}
		sameAs(t, f, m)
		decoded++
		kinds[fmt.Sprintf("%d×%d units, restart %v", f.UnitWidth, f.UnitHeight, f.Restart > 0)]++
	}
	t.Logf("%d files agree with image/jpeg: %v", decoded, kinds)
	require.GreaterOrEqual(t, decoded, 2)
}

func typed(err error) bool {
	return errors.Is(err, container.ErrMalformed) || errors.Is(err, container.ErrTruncated) || errors.Is(err, container.ErrUnsupported)
}

// coefficients are all of a file's, in order.
func coefficients(t testing.TB, f *File) []int16 {
	all := make([]int16, f.Down*f.Across*f.UnitSize())
	require.NoError(t, f.Rows(context.Background(), func(y int, row []int16) error {
		copy(all[y*len(row):], row)
		return nil
	}))
	return all
}

// A restart interval that ends within a row, at its end or nowhere gives the same coefficients, for any number of processors.
func TestRestartIntervals(t *testing.T) {
	data := encoded(t, noisy(100, 90, 3), 85) // 7 units across, 6 down
	f, err := Parse(data)
	require.NoError(t, err)
	want := coefficients(t, f)
	for _, interval := range []int{1, 3, 7, 14, 20, 42, 1000} {
		g, err := Parse(withRestarts(t, f, data, want, interval))
		require.NoError(t, err, interval)
		for _, p := range []int{1, 5} {
			old := runtime.GOMAXPROCS(p)
			require.Equal(t, want, coefficients(t, g), interval)
			var mu sync.Mutex
			rows := 0
			require.NoError(t, Pairs(context.Background(), f, g, func(_ int, a, b []int16) error {
				mu.Lock()
				defer mu.Unlock()
				rows++
				require.Equal(t, a, b)
				return nil
			}))
			require.Equal(t, 6, rows)
			runtime.GOMAXPROCS(old)
		}
	}
}

func TestPairsTellsTheUnitThatDiffers(t *testing.T) {
	m := noisy(200, 100, 4)
	a := encoded(t, m, 95)
	m.SetRGBA(77, 41, color.RGBA{255, 0, 255, 255})
	b := encoded(t, m, 95)
	f, err := Parse(a)
	require.NoError(t, err)
	g, err := Parse(b)
	require.NoError(t, err)
	var mu sync.Mutex
	var differ []image.Point
	require.NoError(t, Pairs(context.Background(), f, g, func(y int, a, b []int16) error {
		for x := range f.Across {
			if n := f.UnitSize(); !slices.Equal(a[x*n:(x+1)*n], b[x*n:(x+1)*n]) {
				mu.Lock()
				differ = append(differ, image.Pt(x, y))
				mu.Unlock()
			}
		}
		return nil
	}))
	require.Equal(t, []image.Point{{4, 2}}, differ)
	other, err := Parse(encoded(t, m, 94))
	require.NoError(t, err)
	require.False(t, f.SameCoding(other))
	require.Error(t, Pairs(context.Background(), f, other, nil))
}

// Whatever is cut off or flipped: an error of a known kind or some coefficients, never a panic.
func TestBrokenFiles(t *testing.T) {
	data := encoded(t, noisy(60, 40, 5), 90)
	try := func(b []byte) error {
		f, err := Parse(b)
		if err == nil {
			err = f.Rows(context.Background(), func(int, []int16) error { return nil })
		}
		if err != nil && !typed(err) {
			t.Fatalf("error of no kind: %v", err)
		}
		return err
	}
	for n := range data {
		require.Error(t, try(data[:n]), "%d of %d bytes", n, len(data))
	}
	require.NoError(t, try(data))
	rng := rand.New(rand.NewPCG(9, 9))
	for range 5000 {
		b := bytes.Clone(data)
		for range 1 + rng.IntN(3) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		_ = try(b)
	}
	// A few bytes that claim a huge picture get no work done for them.
	huge := bytes.Clone(data)
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	copy(huge[at+5:], []byte{0xff, 0xff, 0xff, 0xff})
	require.ErrorIs(t, try(huge), container.ErrTruncated)
}

func TestMalformedPhotographs(t *testing.T) {
	dir := phototest.Dir(t)
	n := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "malformed"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := Parse(data)
		if err == nil {
			err = f.Rows(context.Background(), func(int, []int16) error { return nil })
			n++
		}
		if err != nil && !typed(err) {
			t.Errorf("%s: error of no kind: %v", path, err)
		}
		return nil
	}))
	t.Logf("%d files parsed", n)
}

func TestRowsEndsWithItsContext(t *testing.T) {
	f, err := Parse(encoded(t, noisy(60, 40, 5), 90))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, f.Rows(ctx, func(int, []int16) error { return nil }), context.Canceled)
}

func FuzzParse(f *testing.F) {
	f.Add(encoded(f, noisy(20, 20, 1), 50))
	f.Add(encoded(f, image.NewGray(image.Rect(0, 0, 9, 9)), 90))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err == nil {
			err = p.Rows(context.Background(), func(int, []int16) error { return nil })
		}
		if err != nil {
			if !typed(err) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if n := len(slices.Concat(p.Parts()...)) + len(p.Rest()); n > len(data) {
			t.Fatalf("%d bytes of %d", n, len(data))
		}
	})
}

func BenchmarkRows(b *testing.B) {
	data := encoded(b, noisy(2048, 1024, 1), 95)
	f, err := Parse(data)
	require.NoError(b, err)
	b.SetBytes(2048 * 1024)
	b.ReportMetric(float64(len(data)), "bytes")
	for b.Loop() {
		require.NoError(b, f.Rows(context.Background(), func(int, []int16) error { return nil }))
	}
}

// libjpeg's own decoder, where djpeg is installed, sees the same luma to one level.
func TestCoefficientsMakeThePictureThatDjpegDecodes(t *testing.T) {
	djpeg, err := exec.LookPath("djpeg")
	phototest.Need(t, "djpeg", err == nil)
	names, err := filepath.Glob("../../testdata/listing/*.JPG")
	require.NoError(t, err)
	for _, name := range names[:2] {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		f, err := Parse(data)
		require.NoError(t, err)
		out, err := exec.Command(djpeg, "-grayscale", "-dct", "float", "-pnm", name).Output()
		require.NoError(t, err)
		head := fmt.Sprintf("P5\n%d %d\n255\n", f.Width, f.Height)
		require.Equal(t, head, string(out[:len(head)]))
		pix, width := planes(t, f)
		differ := 0
		for y := range f.Height {
			for x := range f.Width {
				want := min(max(pix[0][y*width[0]+x], 0), 255)
				d := math.Abs(want - float64(out[len(head)+y*f.Width+x]))
				require.LessOrEqual(t, d, 0.51, "at %d,%d", x, y)
				if d > 0.501 {
					differ++
				}
			}
		}
		t.Logf("%s: %d of %d samples are rounded otherwise", filepath.Base(name), differ, f.Width*f.Height)
	}
}
