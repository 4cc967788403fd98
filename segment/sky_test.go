package segment_test

import (
	"image"
	"image/color"
	_ "image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/internal/skytruth"
	"github.com/realedit/realedit/segment"
)

// maskOr is the mask found, or an empty one.
func (l look) maskOr() []uint8 {
	if l.mask == nil {
		return make([]uint8, l.w*l.h)
	}
	return l.mask
}

// Photographs with sky drawn by hand, from pixels alone: the figures that docs/segment.md gives, by scripts/skymasks.
func TestSkyOfPhotographs(t *testing.T) {
	dir := filepath.Join(phototest.Dir(t), "sky_masks", "ade20k_train")
	names, err := filepath.Glob(filepath.Join(dir, "original", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	type outcome struct{ share, gated, ungated, found float64 }
	results := make([]outcome, len(names))
	var wg sync.WaitGroup
	for k := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := k; i < len(names); i += runtime.GOMAXPROCS(0) {
				base := strings.TrimSuffix(filepath.Base(names[i]), filepath.Ext(names[i]))
				f, err := os.Open(filepath.Join(dir, "mask", base+".png"))
				if !noError(t, err) {
					return
				}
				m, _, err := image.Decode(f)
				f.Close()
				p, err2 := realedit.Open(names[i], nil)
				if !noError(t, err) || !noError(t, err2) {
					return
				}
				var truth []uint8
				for y := range m.Bounds().Dy() {
					for x := range m.Bounds().Dx() {
						truth = append(truth, color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y)
					}
				}
				set := realedit.Set{Photos: []*realedit.Photo{p}}
				l := lookAt(t, set, segment.Sky{})
				gated, ungated := l.maskOr(), l.maskOr()
				if l.mask == nil { // what passes the gate is the same with Force
					ungated = lookAt(t, set, segment.Sky{Force: true}).maskOr()
				}
				results[i] = outcome{skytruth.Share(truth), skytruth.IoU(gated, truth), skytruth.IoU(ungated, truth), skytruth.Share(gated)}
			}
		})
	}
	wg.Wait()
	var gated, ungated, with, without, wrong float64
	for _, r := range results {
		switch {
		case r.share >= 0.05:
			with++
			gated += r.gated
			ungated += r.ungated
		case r.share < 0.001:
			without++
			if r.found >= 0.01 {
				wrong++
			}
		}
	}
	t.Logf("mean IoU %.3f with the gate, %.3f without, over %v; false sky in %v of %v", gated/with, ungated/with, with, wrong, without)
	require.GreaterOrEqual(t, gated/with, 0.88)
	require.GreaterOrEqual(t, ungated/with, 0.90)
	require.LessOrEqual(t, wrong, 2.0)
}

// noError is require's in a goroutine that is not the test's.
func noError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// Houses whose sky is known to a fraction of a pixel, under every sky, with bare trees and wires before them.
func TestSkyOfRenderedHouses(t *testing.T) {
	const w, h = 900, 600
	var iou, recall, precision, n, clear float64
	for _, k := range exteriorTakes() {
		s := k.render(w, h)
		o := k.o
		o.EVs = []float64{0}
		l := lookAt(t, exposed(t, s, o, false), segment.Sky{})
		truth := make([]uint8, w*h)
		for i, v := range s.Sky {
			truth[i] = uint8(255*v + 0.5)
		}
		i := skytruth.IoU(l.maskOr(), truth)
		r, p := skytruth.Edges(l.maskOr(), truth, w, h, 2, 0.15)
		t.Logf("%-20s IoU %.4f, edges found %.3f, edges right %.3f", k.name, i, r, p)
		require.Greater(t, i, 0.93, k.name)
		iou += i
		n++
		if !strings.Contains(k.name, scene.SkyBlown.String()) { // what shines through twigs hides them in a blown photo
			recall += r
			precision += p
			clear++
		}
	}
	t.Logf("mean IoU %.4f, edges found %.3f, edges right %.3f", iou/n, recall/clear, precision/clear)
	require.GreaterOrEqual(t, iou/n, 0.97)
	require.GreaterOrEqual(t, recall/clear, 0.93)
	require.GreaterOrEqual(t, precision/clear, 0.97)
}

// Of a bracket the sky is the reference photo's, not the merge's, and where it is blown there the edges are those of a darker photo: twigs that no brighter one has.
func TestSkyOfBrackets(t *testing.T) {
	const w, h = 900, 600
	blown := 0
	for _, k := range exteriorTakes() {
		if k.name != "exterior blown" && k.name != "exterior winter" {
			continue
		}
		s := k.render(w, h)
		truth := make([]uint8, w*h)
		for i, v := range s.Sky {
			truth[i] = uint8(255*v + 0.5)
		}
		var found, iou [2]float64
		for i, evs := range [][]float64{{0}, {0, -4, -2, 2, 4}} {
			o := k.o
			o.EVs = evs
			l := lookAt(t, exposed(t, s, o, true), segment.Sky{Force: true})
			found[i], _ = skytruth.Edges(l.maskOr(), truth, w, h, 2, 0.15)
			iou[i] = skytruth.IoU(l.maskOr(), truth)
		}
		t.Logf("%s: edges found %.3f, of a bracket %.3f; IoU %.4f, %.4f", k.name, found[0], found[1], iou[0], iou[1])
		require.Greater(t, iou[1], iou[0]-0.005, k.name)
		require.Greater(t, found[1], found[0]-0.01, k.name)
		if k.name == "exterior blown" {
			require.Greater(t, found[1], max(0.94, found[0]+0.05))
			blown++
		}
	}
	require.Equal(t, 1, blown)
}
