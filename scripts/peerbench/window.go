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
	for i := range s.Opening {
		x, y := i%s.W, i/s.W
		toOpening, toWall := nearest(s, x, y, 110, true), nearest(s, x, y, 3, false)
		switch {
		case s.Wall[i] == 1 && toOpening > 3 && toOpening <= 20:
			zones.Pix[i] = beside
		case s.Wall[i] == 1 && toOpening > 80 && toOpening <= 110:
			zones.Pix[i] = away
		case s.Opening[i] == 1 && toWall > 3:
			zones.Pix[i] = view
		}
		p := s.Radiance[3*i : 3*i+3]
		l := math.Log2(0.2126*float64(p[0]) + 0.7152*float64(p[1]) + 0.0722*float64(p[2]))
		light.SetGray16(x, y, color.Gray16{Y: uint16(math.Round(65535 * min(1, max(0, (l+16)/32))))})
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

// nearest is how far, in the larger of both directions, the opening (or what is not all opening) is from a pixel; reach+1 if further.
func nearest(s *scene.Scene, x, y, reach int, opening bool) int {
	best := reach + 1
	for v := max(0, y-reach); v <= min(s.H-1, y+reach); v++ {
		for u := max(0, x-reach); u <= min(s.W-1, x+reach); u++ {
			if o := s.Opening[v*s.W+u]; opening && o > 0 || !opening && o < 1 {
				best = min(best, max(u-x, x-u, v-y, y-v))
			}
		}
	}
	return best
}
