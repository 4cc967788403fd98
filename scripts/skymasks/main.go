// Command skymasks measures segment.Sky, without any model, against pictures whose sky is known.
//
//	skymasks -photos DIR [-out SHEET.png]    DIR/original/*.jpg with DIR/mask/*.png (above 127 is sky), as ADE20K's sky subset lies
//	skymasks -rendered [-width 1200] [-evs 0,-2,2] [-out SHEET.png]    the renderer's exteriors, all skies and views, one photo each without EXIF, or brackets
//
// Photos are judged from pixels alone (no EXIF), with the gate and with what the gate would have thrown away: the mean and median intersection over union of
// those with 5 % of sky and more, and how many of those without (under 0.1 %) get 1 % and more. Rendered pictures, judged without the gate, also tell how exact the edges are: docs/segment.md says
// how that is counted. The sheet shows the ten worst: picture, truth, ours.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/internal/skytruth"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/pipeline"
	"github.com/realedit/realedit/segment"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "skymasks:", err)
		os.Exit(1)
	}
}

// sample is a picture with its truth and what was found.
type sample struct {
	name           string
	w, h           int
	photos         []*realedit.Photo
	truth          []uint8
	ungated, gated []uint8 // nil without a mask
}

func run(args []string) error {
	f := flag.NewFlagSet("skymasks", flag.ContinueOnError)
	photos := f.String("photos", "", "folder with original/ and mask/")
	rendered := f.Bool("rendered", false, "measure the renderer's exteriors")
	width := f.Int("width", 1200, "width of rendered pictures")
	evs := f.String("evs", "0", "their photos' exposures, in stops")
	out := f.String("out", "", "contact sheet of the ten worst, a PNG")
	if err := f.Parse(args); err != nil {
		return err
	}
	var samples []*sample
	var err error
	switch {
	case *photos != "":
		samples, err = readPairs(*photos)
	case *rendered:
		var stops []float64
		for v := range strings.SplitSeq(*evs, ",") {
			ev, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return fmt.Errorf("-evs: %w", err)
			}
			stops = append(stops, ev)
		}
		samples, err = render(*width, stops)
	default:
		return errors.New("-photos DIR or -rendered")
	}
	if err == nil {
		err = findAll(samples)
	}
	if err != nil {
		return err
	}
	if *rendered {
		reportRendered(samples)
	} else {
		reportPhotos(samples)
	}
	if *out != "" {
		return sheet(*out, samples)
	}
	return nil
}

func readPairs(dir string) ([]*sample, error) {
	names, err := filepath.Glob(filepath.Join(dir, "original", "*"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%s: nothing in original/", dir)
	}
	var all []*sample
	for _, n := range names {
		base := strings.TrimSuffix(filepath.Base(n), filepath.Ext(n))
		photo, err := realedit.Open(n, nil)
		if err != nil {
			return nil, err
		}
		s := &sample{name: base, photos: []*realedit.Photo{photo}}
		file, err := os.ReadFile(filepath.Join(dir, "mask", base+".png"))
		if err != nil {
			return nil, err
		}
		m, _, err := image.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, err
		}
		s.w, s.h = m.Bounds().Dx(), m.Bounds().Dy()
		for y := range s.h {
			for x := range s.w {
				g := color.GrayModel.Convert(m.At(m.Bounds().Min.X+x, m.Bounds().Min.Y+y)).(color.Gray)
				s.truth = append(s.truth, g.Y)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// render makes every sky seen from every side, winter trees and mirroring glass.
func render(w int, evs []float64) ([]*sample, error) {
	h := w * 2 / 3
	var all []*sample
	add := func(name string, o scene.ExteriorOptions) error {
		o.W, o.H = w, h
		s := scene.Exterior(o)
		var photos []*realedit.Photo
		taken := s.Bracket(scene.BracketOptions{EVs: evs}).Photos
		for i := range taken {
			var file bytes.Buffer
			var err error
			if len(taken) == 1 { // pixels alone
				err = jpeg.Encode(&file, taken[i].Image(), &jpeg.Options{Quality: 95})
			} else {
				var b []byte
				b, err = scene.EncodeJPEG(&taken[i], 95)
				file.Write(b)
			}
			if err != nil {
				return err
			}
			photo, err := realedit.Decode(&file, nil)
			if err != nil {
				return err
			}
			photo.Name = taken[i].EXIF.FileName()
			photos = append(photos, photo)
		}
		truth := make([]uint8, w*h)
		for i, v := range s.Sky {
			truth[i] = uint8(255*v + 0.5)
		}
		all = append(all, &sample{name: name, w: w, h: h, photos: photos, truth: truth})
		return nil
	}
	for sky := scene.SkyClouds; sky <= scene.SkyHaze; sky++ {
		for view := range 3 {
			wall := scene.WallColour(view)
			if sky == scene.SkyHaze || sky == scene.SkyOvercast && view == 1 {
				wall = scene.White
			}
			if err := add(fmt.Sprintf("%v view %d", sky, view), scene.ExteriorOptions{Sky: sky, View: view, Wall: wall, Seed: uint32(view)}); err != nil {
				return nil, err
			}
		}
	}
	for i, sky := range []scene.SkyKind{scene.SkyClouds, scene.SkyOvercast, scene.SkyClear} {
		if err := add(fmt.Sprintf("%v winter", sky), scene.ExteriorOptions{Sky: sky, View: 2 * i % 3, Winter: true, Seed: uint32(5 + i)}); err != nil {
			return nil, err
		}
		if err := add(fmt.Sprintf("%v mirror", sky), scene.ExteriorOptions{Sky: sky, View: (i + 1) % 3, Mirror: true, Seed: uint32(8 + i)}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// findAll runs the stage on all pictures, as many at once as there are processors, with its gate and without.
func findAll(samples []*sample) error {
	b, err := kernels.Open("auto")
	if err != nil {
		return err
	}
	defer b.Close()
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{b}})
	if err != nil {
		return err
	}
	defer e.Close()
	var wg sync.WaitGroup
	next := make(chan *sample)
	failed := make([]error, runtime.GOMAXPROCS(0))
	for k := range failed {
		wg.Go(func() {
			for s := range next {
				if failed[k] == nil {
					failed[k] = s.find(e, b)
				}
			}
		})
	}
	for _, s := range samples {
		next <- s
	}
	close(next)
	wg.Wait()
	return errors.Join(failed...)
}

func (s *sample) find(e *realedit.Editor, b kernels.Backend) error {
	set := realedit.Set{ID: s.name, Photos: s.photos}
	if len(s.photos) > 1 { // as a bracket, with its exposures
		sets, err := realedit.Group(s.photos, &realedit.GroupOptions{})
		if err != nil || len(sets) != 1 {
			return fmt.Errorf("%s: %d sets: %w", s.name, len(sets), err)
		}
		set = sets[0]
	}
	for _, force := range []bool{false, true} {
		if force && s.gated != nil {
			s.ungated = s.gated // what passes the gate is the same with Force
			break
		}
		p, err := pipeline.New("skymasks", hdr.Align{}, hdr.Merge{}, segment.Sky{Force: force})
		if err != nil {
			return err
		}
		r, err := e.Process(context.Background(), p, set)
		if err != nil {
			return err
		}
		var mask []uint8
		if m := r.Masks[realedit.MaskSky]; m != nil {
			host, free, err := kernels.ToHost(context.Background(), b, m)
			if err != nil {
				return err
			}
			for y := range host.Height() {
				mask = append(mask, host.RowU8(y)...)
			}
			free()
		}
		r.Free()
		if force {
			s.ungated = mask
		} else {
			s.gated = mask
		}
	}
	return nil
}

// or is the mask, or an empty one.
func (s *sample) or(mask []uint8) []uint8 {
	if mask == nil {
		return make([]uint8, s.w*s.h)
	}
	return mask
}

func reportPhotos(samples []*sample) {
	var gated, ungated []float64
	var without, falseGated, falseUngated, between int
	for _, s := range samples {
		share := skytruth.Share(s.truth)
		a, b := s.or(s.gated), s.or(s.ungated)
		switch {
		case share >= 0.05:
			gated, ungated = append(gated, skytruth.IoU(a, s.truth)), append(ungated, skytruth.IoU(b, s.truth))
		case share < 0.001:
			without++
			if skytruth.Share(a) >= 0.01 {
				falseGated++
				fmt.Printf("false sky: %s, %.1f %%\n", s.name, 100*skytruth.Share(a))
			}
			if skytruth.Share(b) >= 0.01 {
				falseUngated++
			}
		default:
			between++
		}
	}
	line := func(name string, v []float64, wrong int) {
		fmt.Printf("%-13s mean IoU %.3f, median %.3f over %d; false sky in %d of %d\n", name, mean(v), median(v), len(v), wrong, without)
	}
	line("with gate:", gated, falseGated)
	line("without gate:", ungated, falseUngated)
	fmt.Printf("%d pictures with some sky are counted in neither\n", between)
}

func reportRendered(samples []*sample) {
	var ious []float64
	var edges [4][]float64
	for _, s := range samples {
		a, refused := s.or(s.ungated), ""
		if s.gated == nil {
			refused = ", refused by the gate"
		}
		iou := skytruth.IoU(a, s.truth)
		recall, precision := skytruth.Edges(a, s.truth, s.w, s.h, 2, 0)
		found, right := skytruth.Edges(a, s.truth, s.w, s.h, 2, 0.15)
		var off float64
		for i, v := range a {
			off += math.Abs(float64(v)-float64(s.truth[i])) / 255
		}
		fmt.Printf("%-18s IoU %.4f, edges found %.3f (%.3f at one half), right %.3f (%.3f), mean error of the share %.4f%s\n", s.name, iou, found, recall, right, precision, off/float64(len(a)), refused)
		ious = append(ious, iou)
		for k, v := range [4]float64{found, recall, right, precision} {
			edges[k] = append(edges[k], v)
		}
	}
	fmt.Printf("mean IoU %.4f, edges found %.3f (%.3f at one half), right %.3f (%.3f)\n", mean(ious), mean(edges[0]), mean(edges[1]), mean(edges[2]), mean(edges[3]))
}

func mean(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s / float64(max(len(v), 1))
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// sheet shows the ten pictures that agree least with their truth, false skies among them.
func sheet(name string, samples []*sample) error {
	badness := func(s *sample) float64 {
		return 1 - skytruth.IoU(s.or(s.gated), s.truth)
	}
	order := slices.Clone(samples)
	slices.SortStableFunc(order, func(a, b *sample) int {
		x, y := badness(a), badness(b)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	order = order[:min(10, len(order))]
	const side, gap = 320, 6
	m := image.NewNRGBA(image.Rect(0, 0, 3*(side+gap)+gap, len(order)*(side+gap)+gap))
	b, err := kernels.Open("ref")
	if err != nil {
		return err
	}
	defer b.Close()
	for i, s := range order {
		pixels, err := s.photos[0].Pixels(context.Background(), b)
		if err != nil {
			return err
		}
		pic, err := realedit.Picture(pixels)
		if err != nil {
			return err
		}
		for j, mask := range [][]uint8{nil, s.truth, s.or(s.gated)} {
			s.tile(m, image.Pt(gap+j*(side+gap), gap+i*(side+gap)), side, pic, mask)
		}
		pixels.Free()
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, m), f.Close())
}

// tile draws the picture, the mask over it in magenta.
func (s *sample) tile(dst *image.NRGBA, at image.Point, side int, pic image.Image, mask []uint8) {
	k := float64(side) / float64(max(s.w, s.h))
	for y := range int(float64(s.h) * k) {
		for x := range int(float64(s.w) * k) {
			px, py := int((float64(x)+0.5)/k), int((float64(y)+0.5)/k)
			c := color.NRGBAModel.Convert(pic.At(px, py)).(color.NRGBA)
			if mask != nil {
				a := float64(mask[py*s.w+px]) / 255 * 0.6
				mix := func(v uint8, to float64) uint8 { return uint8(float64(v)*(1-a) + to*a) }
				c = color.NRGBA{mix(c.R, 255), mix(c.G, 0), mix(c.B, 255), 255}
			}
			dst.SetNRGBA(at.X+x, at.Y+y, c)
		}
	}
}
