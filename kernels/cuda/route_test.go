//go:build cuda && cgo

package cuda_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"math"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/cuda"
	"github.com/realedit/realedit/pipeline"
	"github.com/realedit/realedit/segment"
)

// Of a set's transfers those of the picture's size are one upload for each photo and one download for the file: pixels stay on the GPU
// from merge to export. Everything else that travels is small copies, masks of windows included only as far as their box.
func TestTransfersOfARoute(t *testing.T) {
	b := cuda.GPU(t)
	w, h := 1040, 120 // longer than the small copies on which stages decide, and still little work
	p, err := pipeline.New("auto", hdr.Align{}, hdr.Merge{Method: kernels.FuseMertens}, segment.Windows{}, hdr.WindowPull{}, hdr.Tone{})
	if !cuda.Emulated(b) {
		w, h = 3000, 2000 // beyond the size on which the gate works too
		p, err = pipeline.Auto(nil)
	}
	require.NoError(t, err)
	set := realedit.Set{ID: "five", Reference: 2}
	for ev := -4; ev <= 4; ev += 2 {
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		for i := range w * h {
			x, y := float64(i%w), float64(i/w)
			light := 0.02 * math.Exp2(3*math.Sin(x/60)+2*math.Cos(y/25)+math.Sin(x*y/50)) // 12 stops
			v := uint8(255 * math.Sqrt(min(1, light*math.Exp2(float64(ev)))))
			copy(m.Pix[4*i:], []uint8{v, v, v, 255})
		}
		var file bytes.Buffer
		require.NoError(t, jpeg.Encode(&file, m, &jpeg.Options{Quality: 95}))
		photo, err := realedit.Decode(&file, nil)
		require.NoError(t, err)
		set.Photos = append(set.Photos, photo)
	}

	var up, down atomic.Int32
	cuda.Watch(b, func(isUp bool, m *kernels.Image) {
		switch {
		case m.Width() < w || m.Height() < h:
		case isUp:
			up.Add(1)
		default:
			down.Add(1)
		}
	})
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{b}, Policy: realedit.AB723})
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	defer r.Free()
	require.Equal(t, 5, usedPhotos(r.Report))
	for _, s := range r.Report.Stages {
		require.Empty(t, s.Fallbacks)
	}
	require.Zero(t, down.Load(), "before the export")
	require.NoError(t, r.Encode(io.Discard, nil))
	require.EqualValues(t, 5, up.Load(), "uploads")
	require.EqualValues(t, 1, down.Load(), "downloads")
}

func usedPhotos(r *realedit.Report) (n int) {
	for _, in := range r.Inputs {
		if in.Used {
			n++
		}
	}
	return n
}
