//go:build cuda && cgo

package cuda_test

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/scene"
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
	var photos []*realedit.Photo
	taken := scene.Interior(scene.InteriorOptions{W: w, H: h, Sun: true, WindowEV: 5.2}).Bracket(scene.BracketOptions{Base: -0.7})
	for i := range taken.Photos {
		file, err := scene.EncodeJPEG(&taken.Photos[i], 95)
		require.NoError(t, err)
		photo, err := realedit.Decode(bytes.NewReader(file), nil)
		require.NoError(t, err)
		photos = append(photos, photo)
	}
	sets, err := realedit.Group(photos, nil)
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.Len(t, sets[0].Photos, 5)

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
	r, err := e.Process(context.Background(), p, sets[0])
	require.NoError(t, err)
	defer r.Free()
	require.Equal(t, b.Name(), r.Report.Stages[0].Backend)
	for _, s := range r.Report.Stages {
		require.Empty(t, s.Fallbacks)
	}
	require.Zero(t, down.Load(), "before the export")
	require.NoError(t, r.Encode(io.Discard, nil))
	require.EqualValues(t, 5, up.Load(), "uploads")
	require.EqualValues(t, 1, down.Load(), "downloads")
	t.Log(r.Report.Shares)
}
