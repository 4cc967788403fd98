package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
)

// sizes are the pictures' width and height by megapixels.
var sizes = map[int][2]int{45: {8192, 5464}, 12: {4000, 3000}, 6: {3000, 2000}}

// margin is how far the scene reaches beyond the picture, so that moved photos show true pixels.
const margin = 128

// base is what metering adds to every photo: a room with a bright window comes out a stop darker.
const base = -1

// shifts and shakes move the photos of the two moved brackets, darkest first; the middle one is the reference.
var (
	shifts = [5]scene.Shake{{DX: 3, DY: -2}, {DX: -5, DY: 4}, {}, {DX: 7, DY: 1}, {DX: -2, DY: -6}}
	shakes = [5]scene.Shake{
		{DX: 6, DY: -9, Roll: 0.3, Tilt: 2}, {DX: -11, DY: 4, Roll: -0.17, Tilt: -1.2}, {},
		{DX: 8.4, DY: 3.7, Roll: 0.22, Tilt: 1.5}, {DX: -5.3, DY: -7.6, Roll: -0.3, Tilt: -2},
	}
)

// truth is where the moved photos are: homographies from the reference's pixels to the photo's own.
type truth struct {
	Width, Height int
	Shift, Shake  [5][9]float64
}

// makeData writes into dir, the same bytes every time:
//
//	evN.ppm          nine photos, N = -4..4, u8, from a tripod
//	ev0_16.ppm, ev2_16.ppm   u16
//	retouched.ppm    ev0 after JPEG at quality 80
//	tripod/, shift/, shake/  brackets of five JPEGs (2 EV apart, 4:2:0, quality 95, EXIF)
//	outdoors/        such a bracket of a house under a dull sky, with a bare tree before it
//	truth.json
//
// The scene is a rendered room with a window six stops brighter, at half the size and doubled, times a
// texture at the full size (but for the house's sky); every photo has its own noise.
func makeData(mp int, dir string) error {
	wh, ok := sizes[mp]
	if !ok || dir == "" {
		return fmt.Errorf("data -size 45|12|6 -out DIR")
	}
	done := filepath.Join(dir, "truth.json")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	w, h := wh[0], wh[1]
	b, err := kernels.Open("cpu")
	if err != nil {
		return err
	}
	defer b.Close()
	inW, inH := w+2*margin, h+2*margin
	room := scene.Interior(scene.InteriorOptions{W: (inW + 1) / 2, H: (inH + 1) / 2, Wall: scene.Sage, Light: scene.Mixed, WindowEV: 6, Samples: 1, Seed: 3})
	light, err := radiance(b, room, nil, inW, inH)
	if err != nil {
		return err
	}
	defer light.Free()
	for _, d := range []string{"tripod", "shift", "shake", "outdoors"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	taken, err := b.NewImage(w, h, 3, kernels.F32)
	if err != nil {
		return err
	}
	defer taken.Free()
	photo, err := b.NewImage(w, h, 3, kernels.U8)
	if err != nil {
		return err
	}
	defer photo.Free()
	deep, err := b.NewImage(w, h, 3, kernels.U16)
	if err != nil {
		return err
	}
	defer deep.Free()
	take := func(s scene.Shake) ([9]float64, error) {
		toPhoto := s.Homography(w, h)
		toScene := scene.Invert(toPhoto)
		for c := range 3 { // the scene's corner lies outside the picture
			toScene[c] += margin * toScene[6+c]
			toScene[3+c] += margin * toScene[6+c]
		}
		return toPhoto, b.Ops().Warp(taken, nil, light, &toScene)
	}

	if _, err := take(scene.Shake{}); err != nil {
		return err
	}
	for ev := -4; ev <= 4; ev++ {
		expose(photo, taken, float64(ev)+base, uint32(ev+100))
		if err := writePPM(filepath.Join(dir, fmt.Sprintf("ev%d.ppm", ev)), photo); err != nil {
			return err
		}
		if ev == 0 {
			if err := writeRetouched(b, filepath.Join(dir, "retouched.ppm"), photo); err != nil {
				return err
			}
		}
		if ev%2 == 0 {
			if err := writePhoto(filepath.Join(dir, "tripod"), photo, ev, 100, roomShutter); err != nil {
				return err
			}
		}
		if ev == 0 || ev == 2 {
			expose(deep, taken, float64(ev)+base, uint32(ev+200))
			if err := writePPM(filepath.Join(dir, fmt.Sprintf("ev%d_16.ppm", ev)), deep); err != nil {
				return err
			}
		}
	}
	t := truth{Width: w, Height: h}
	for _, set := range []struct {
		name string
		move [5]scene.Shake
		to   *[5][9]float64
	}{{"shift", shifts, &t.Shift}, {"shake", shakes, &t.Shake}} {
		for i, s := range set.move {
			if set.to[i], err = take(s); err != nil {
				return err
			}
			ev := 2*i - 4
			expose(photo, taken, float64(ev)+base, uint32(1000*len(set.name)+i))
			if err := writePhoto(filepath.Join(dir, set.name), photo, ev, 200, roomShutter); err != nil {
				return err
			}
		}
	}
	house := scene.Exterior(scene.ExteriorOptions{W: w / 2, H: h / 2, Sky: scene.SkyOvercast, Wall: scene.White, Winter: true, Samples: 1, Seed: 3})
	outside, err := radiance(b, house, house.Sky, w, h)
	if err != nil {
		return err
	}
	defer outside.Free()
	for ev := -4; ev <= 4; ev += 2 {
		expose(photo, outside, float64(ev)+base, uint32(ev+300))
		if err := writePhoto(filepath.Join(dir, "outdoors"), photo, ev, 300, daylightShutter); err != nil {
			return err
		}
	}
	j, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(done, j, 0o644)
}

// radiance is a scene, linear light, w×h, with a texture where smooth (of the scene's size; nil = nowhere) is 0.
func radiance(b kernels.Backend, s *scene.Scene, smooth []float32, w, h int) (*kernels.Image, error) {
	small, err := kernels.Wrap(s.Radiance, s.W, s.H, 3)
	if err != nil {
		return nil, err
	}
	m, err := b.NewImage(w, h, 3, kernels.F32)
	if err != nil {
		return nil, err
	}
	if err := b.Ops().Resize(m, small); err != nil {
		return nil, err
	}
	parallel(h, func(y int) {
		row := m.RowF32(y)
		for x := range w {
			// A slow field says how rough the surface is, three octaves how it varies.
			rough := value(x, y, 1024, 1)
			if smooth != nil {
				rough *= 1 - float64(smooth[y*s.H/h*s.W+x*s.W/w])
			}
			t := value(x, y, 3, 2) + value(x, y, 9, 3) + value(x, y, 31, 4) - 1.5
			g := float32(max(1+rough*t, 0.1))
			row[3*x] *= g
			row[3*x+1] *= g
			row[3*x+2] *= g
		}
	})
	return m, b.Sync(context.Background())
}

// value is smooth noise in [0,1]: random values on a grid of the given period, joined with smoothstep.
func value(x, y, period int, seed uint32) float64 {
	i, j := x/period, y/period
	u, v := float64(x%period)/float64(period), float64(y%period)/float64(period)
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	at := func(i, j int) float64 {
		return float64(scene.Mix(uint32(i)*0x9e3779b1^uint32(j)*0x85ebca77^seed*0xc2b2ae3d)>>8) / (1 << 24)
	}
	return (at(i, j)*(1-u)+at(i+1, j)*u)*(1-v) + (at(i, j+1)*(1-u)+at(i+1, j+1)*u)*v
}

// expose photographs linear light into dst (U8 or U16): shot and read noise as in scene.Camera, its tone
// curve and sRGB from a table over the square root of light.
func expose(dst, light *kernels.Image, ev float64, seed uint32) {
	const entries, top = 1 << 14, 8.0
	deep := dst.Format() == kernels.U16
	maximum := 255.0
	if deep {
		maximum = 65535
	}
	curve := make([]float32, entries+1)
	for i := range curve {
		r := float64(i) / entries
		y := scene.Camera{}.Tone(r * r * top)
		if y <= 0.0031308 {
			y *= 12.92
		} else {
			y = 1.055*math.Pow(y, 1/2.4) - 0.055
		}
		curve[i] = float32(y * maximum)
	}
	normal := make([]float32, 1<<12) // quantiles of the normal distribution
	for i := range normal {
		normal[i] = float32(math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(len(normal))-1))
	}
	gain := float32(math.Exp2(ev))
	const full, read = 12000, 5 // electrons: a small sensor at base ISO
	parallel(dst.Height(), func(y int) {
		src := light.RowF32(y)
		start := scene.Mix(seed ^ uint32(y)*0x9e3779b1)
		for i, v := range src {
			e := max(v, 0) * gain
			n := normal[scene.Mix(start+uint32(i))>>20]
			e += n * float32(math.Sqrt(float64(e/full+float32(read*read)/(full*full))))
			p := float32(math.Sqrt(float64(min(max(e, 0), top)/top))) * entries
			k := min(int(p), entries-1)
			z := curve[k] + (p-float32(k))*(curve[k+1]-curve[k]) + 0.5
			if deep {
				dst.RowU16(y)[i] = uint16(min(z, 65535))
			} else {
				dst.RowU8(y)[i] = uint8(min(z, 255))
			}
		}
	})
}

// What the middle photo's exposure time is one over, in a room and in daylight.
const (
	roomShutter     = 8
	daylightShutter = 160
)

// writePhoto writes a JPEG as a camera would, one of a bracket of five.
func writePhoto(dir string, m *kernels.Image, ev, number, shutter int) error {
	p := scene.Photo{W: m.Width(), H: m.Height(), EV: float64(ev), Pix: make([]uint8, 0, 3*m.Width()*m.Height())}
	for y := range m.Height() {
		p.Pix = append(p.Pix, m.RowU8(y)...)
	}
	i := (ev + 4) / 2
	p.EXIF = scene.EXIF{
		Make: "Realedit", Model: "Bench 45", Serial: "45", FNumber: 8, ISO: 100, Focal: 16, Focal35: 16, Orientation: 1,
		Taken:        time.Date(2025, 5, 14, 10, 32, 7+2*i, 0, time.FixedZone("", 2*3600)),
		ExposureTime: [2]uint32{uint32(1 << (ev + 4)), uint32(16 * shutter)}, Bias: float64(ev), FileNumber: number + i,
	}
	return scene.WriteJPEG(filepath.Join(dir, p.EXIF.FileName()), &p, 95)
}

// writeRetouched writes m after JPEG compression at quality 80.
func writeRetouched(b kernels.Backend, path string, m *kernels.Image) error {
	w, h := m.Width(), m.Height()
	rgba := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := m.RowU8(y)
		for x := range w {
			copy(rgba.Pix[4*(y*w+x):], row[3*x:3*x+3])
			rgba.Pix[4*(y*w+x)+3] = 255
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, rgba, &jpeg.Options{Quality: 80}); err != nil {
		return err
	}
	decoded, err := jpeg.Decode(&buf)
	if err != nil {
		return err
	}
	yuv := decoded.(*image.YCbCr)
	out, err := b.NewImage(w, h, 3, kernels.U8)
	if err != nil {
		return err
	}
	defer out.Free()
	parallel(h, func(y int) {
		row := out.RowU8(y)
		for x := range w {
			c := yuv.COffset(x, y)
			row[3*x], row[3*x+1], row[3*x+2] = color.YCbCrToRGB(yuv.Y[yuv.YOffset(x, y)], yuv.Cb[c], yuv.Cr[c])
		}
	})
	return writePPM(path, out)
}

// parallel calls f for 0 ≤ y < n on all processors.
func parallel(n int, f func(y int)) {
	var wg sync.WaitGroup
	threads := runtime.GOMAXPROCS(0)
	for t := range threads {
		wg.Go(func() {
			for y := t; y < n; y += threads {
				f(y)
			}
		})
	}
	wg.Wait()
}
