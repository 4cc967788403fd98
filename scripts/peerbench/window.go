package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"

	"github.com/realedit/realedit/internal/scene"
)

// Zones of the picture zones.png, by grey value.
const (
	beside = 50  // evenly lit wall 4 to 20 px from the window's opening
	away   = 100 // the same wall 80 to 110 px from it
	view   = 200 // what is seen through the opening, 3 px or more inside it
)

// makeWindow writes the bracket of a window in an evenly lit wall as JPEGs, and what is known of it: zones.png and radiance.png,
// log2 of the radiance's luminance as (log2 + 16)/32 of 16 bits.
func makeWindow(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	s := scene.EvenWall(scene.EvenWallOptions{W: 600, H: 400, WindowEV: 5.5})
	b := s.Bracket(scene.BracketOptions{Base: -1})
	for i := range b.Photos {
		data, err := scene.EncodeJPEG(&b.Photos[i], 95)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.jpg", i)), data, 0o644); err != nil {
			return err
		}
	}
	zones, light := image.NewGray(image.Rect(0, 0, s.W, s.H)), image.NewGray16(image.Rect(0, 0, s.W, s.H))
	opening, frame := make([]bool, len(s.Opening)), make([]bool, len(s.Opening))
	for i, o := range s.Opening {
		opening[i], frame[i] = o > 0, o < 1
	}
	toOpening, toFrame := distances(opening, s.W, s.H), distances(frame, s.W, s.H)
	for i := range s.Opening {
		switch {
		case s.Wall[i] == 1 && toOpening[i] > 3 && toOpening[i] <= 20:
			zones.Pix[i] = beside
		case s.Wall[i] == 1 && toOpening[i] > 80 && toOpening[i] <= 110:
			zones.Pix[i] = away
		case s.Opening[i] == 1 && toFrame[i] > 3:
			zones.Pix[i] = view
		}
		p := s.Radiance[3*i : 3*i+3]
		l := math.Log2(0.2126*float64(p[0]) + 0.7152*float64(p[1]) + 0.0722*float64(p[2]))
		light.SetGray16(i%s.W, i/s.W, color.Gray16{Y: uint16(math.Round(65535 * min(1, max(0, (l+16)/32))))})
	}
	for name, m := range map[string]image.Image{"zones.png": zones, "radiance.png": light} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := png.Encode(f, m); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// distances are how far each pixel is from the nearest one that is in, in the larger of both directions.
func distances(in []bool, w, h int) []int {
	d := make([]int, len(in))
	for i := range d {
		if !in[i] {
			d[i] = w + h
		}
	}
	// Down and right, then up and left: a king's steps are its distance.
	step := func(x, y, sign int) {
		for _, n := range [4][2]int{{-1, 0}, {-1, -1}, {0, -1}, {1, -1}} {
			if u, v := x+sign*n[0], y+sign*n[1]; u >= 0 && u < w && v >= 0 && v < h {
				d[y*w+x] = min(d[y*w+x], d[v*w+u]+1)
			}
		}
	}
	for y := range h {
		for x := range w {
			step(x, y, 1)
		}
	}
	for y := h - 1; y >= 0; y-- {
		for x := w - 1; x >= 0; x-- {
			step(x, y, -1)
		}
	}
	return d
}
