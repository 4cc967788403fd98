package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
)

// alignRow times hdr.Align, its warps included, on five photos that are decoded already, and says
// how far the corners of the worst photo are from where they should be.
func alignRow(b kernels.Backend, dir, row string, reps int) (measurement, error) {
	set := strings.TrimPrefix(row, "align-")
	j, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		return measurement{}, err
	}
	var t truth
	if err := json.Unmarshal(j, &t); err != nil {
		return measurement{}, err
	}
	known := t.Shift
	if set == "shake" {
		known = t.Shake
	}
	names, err := files(filepath.Join(dir, set))
	if err != nil {
		return measurement{}, err
	}
	if len(names) != len(known) {
		return measurement{}, fmt.Errorf("%d photos, want %d", len(names), len(known))
	}
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{b}})
	if err != nil {
		return measurement{}, err
	}
	defer e.Close()

	m := measurement{Row: row, Side: "ours", Name: "hdr.Align"}
	var base, peak, pool float64
	for i := range min(reps, 3) + 1 { // reading the photos anew takes longer than aligning them
		cache := realedit.NewPixelCache(8 << 30) // the pixels are there when the clock starts
		var photos []*realedit.Photo
		for _, n := range names {
			p, err := realedit.Open(n, &realedit.DecodeOptions{Backend: b, Cache: cache})
			if err != nil {
				return m, err
			}
			photos = append(photos, p)
		}
		sets, err := realedit.Group(photos, &realedit.GroupOptions{ID: func(*realedit.Photo) string { return set }})
		if err != nil {
			return m, err
		}
		stage := &timedAlign{}
		if i == 0 { // what reading took is not the alignment's; what the first run takes is
			resetPeak()
			base = statusMB("VmRSS")
			inUse, _, _ := kernels.Host.Stats()
			stage.after = func() {
				_, p, _ := kernels.Host.Stats()
				peak, pool = statusMB("VmHWM"), float64(p-inUse)/1e6
			}
		}
		r, err := e.Process(context.Background(), stage, sets[0])
		cache.Clear()
		if err != nil {
			return m, err
		}
		if i == 0 {
			var worst []float64
			for k, h := range stage.maps {
				worst = append(worst, cornerError(h, known, stage.index[k], stage.index[stage.reference], t.Width, t.Height))
			}
			m.Info = map[string]any{"corner_px": slices.Max(worst), "photos": len(stage.maps), "px_each": rounded(worst)}
		} else {
			if len(m.All) == 0 || stage.seconds < slices.Min(m.All) {
				m.CPU = stage.cpu
			}
			m.All = append(m.All, stage.seconds)
		}
		r.Free()
	}
	m.summarise()
	m.Extra, m.Pool = peak-base, pool
	return m, nil
}

// cornerError is the largest distance of a corner of photo i from its true place, in pixels of the photo.
func cornerError(h [9]float64, known [5][9]float64, i, ref, w, height int) float64 {
	worst := 0.0
	back := scene.Invert(known[ref])
	for _, c := range [4][2]float64{{0, 0}, {float64(w - 1), 0}, {0, float64(height - 1)}, {float64(w - 1), float64(height - 1)}} {
		x, y := scene.Apply(back, c[0], c[1])
		x, y = scene.Apply(known[i], x, y)
		u, v := scene.Apply(h, c[0], c[1])
		worst = math.Max(worst, math.Hypot(u-x, v-y))
	}
	return worst
}

// timedAlign runs hdr.Align under the clock and notes what it found.
type timedAlign struct {
	after        func()
	seconds, cpu float64
	maps         [][9]float64
	index        []int // of each frame in the set, darkest first
	reference    int
}

// Name is "peerbench.align".
func (*timedAlign) Name() string { return "peerbench.align" }

// Alters nothing.
func (*timedAlign) Alters() realedit.Change { return realedit.ChangeNone }

// Apply aligns.
func (s *timedAlign) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	cpu, start := cpuSeconds(), time.Now()
	if err := (hdr.Align{}).Apply(ctx, env, w); err != nil {
		return err
	}
	s.seconds, s.cpu = time.Since(start).Seconds(), cpuSeconds()-cpu
	if s.after != nil {
		s.after()
	}
	for _, f := range w.Frames {
		s.maps = append(s.maps, f.Homography)
		for i, p := range w.Set.Photos {
			if p == f.Photo {
				s.index = append(s.index, i)
			}
		}
	}
	s.reference = w.Reference
	w.SetImage(w.Frames[w.Reference].Image)
	return nil
}

// rounded is to a hundredth.
func rounded(v []float64) []float64 {
	for i := range v {
		v[i] = math.Round(v[i]*100) / 100
	}
	return v
}
