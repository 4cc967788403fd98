package qc

import (
	"bytes"
	"context"
	"image"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// synthetic tells which values of an alteration map need not equal the deterministic picture.
func synthetic(v uint8) bool { return realedit.Change(v) >= realedit.ChangeComputed }

// Leaks counts the pixels of got that differ from want, bit by bit, though the map does not say so: neither computed or
// synthesised nor with a stronger change than before (nil: none). Both pictures have one size and format. It is one measure, failed
// where there is any; safe for concurrent use.
func Leaks(ctx context.Context, env *realedit.Env, got, want *kernels.Image, changes, before *realedit.AlterationMap) (Measure, error) {
	if got.Bounds() != want.Bounds() || got.Format() != want.Format() || got.Channels() != want.Channels() {
		return Measure{}, realedit.Errorf(realedit.CodeBadOption, "qc", "got is %v, want is %v: pixels can only be equal in one format", got, want)
	}
	b, err := newBench(ctx, env, Limits{})
	if err != nil {
		return Measure{}, err
	}
	defer b.close()
	if err := b.leaks(got, want, changes, before, false); err != nil {
		return Measure{}, &realedit.Error{Code: realedit.CodeOf(err), Op: "qc", Err: err}
	}
	return b.out.Measures[0], nil
}

// leakBand is how many rows are compared at a time, for pictures in device memory.
const leakBand = 256

// leak counts the pixels outside the map that differ from the deterministic picture, all of them,
// bit by bit, at full resolution. A map of nil means that no pixel may differ.
func (b *bench) leak(got, want *kernels.Image, changes *realedit.AlterationMap, hard bool) error {
	return b.leaks(got, want, changes, changes, hard)
}

func (b *bench) leaks(got, want *kernels.Image, changes, before *realedit.AlterationMap, hard bool) error {
	w, h := got.Width(), got.Height()
	size := got.Channels() * got.Format().Size()
	const band = leakBand
	var total int64
	var mu sync.Mutex
	box := image.Rectangle{}
	for top := 0; top < h; top += band {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		r := image.Rect(0, top, w, min(h, top+band))
		p, freeP, err := b.window(got, r)
		if err != nil {
			return err
		}
		q, freeQ, err := b.window(want, r)
		if err != nil {
			freeP()
			return err
		}
		rows(r.Dy(), func(y0, y1 int) {
			n, found := int64(0), image.Rectangle{}
			for y := y0; y < y1; y++ {
				a, c := p.Row(y), q.Row(y)
				if bytes.Equal(a, c) {
					continue
				}
				var m, old []uint8
				if changes != nil {
					m = changes.Map.RowU8(top + y)
				}
				if before != nil {
					old = before.Map.RowU8(top + y)
				}
				for x := range w {
					told := m != nil && (synthetic(m[x]) || old == nil && m[x] > 0 || old != nil && m[x] > old[x])
					if !told && !bytes.Equal(a[x*size:(x+1)*size], c[x*size:(x+1)*size]) {
						n++
						found = found.Union(image.Rect(x, top+y, x+1, top+y+1))
					}
				}
			}
			if n > 0 {
				mu.Lock()
				total += n
				box = box.Union(found)
				mu.Unlock()
			}
		})
		freeP()
		freeQ()
	}
	var rs []Region
	if total > 0 {
		rs = []Region{{box, float64(total)}}
	}
	b.add(Leak, "pixels", float64(total), hard, rs)
	return nil
}

// deterministic is the picture that an altered one is held against (Work.Unaltered); nil where there is none and the map has nothing computed or synthesised. What is
// promised to be exact has to be kept: without it an altered picture is not delivered.
func deterministic(w *realedit.Work) (*kernels.Image, error) {
	want := w.Unaltered
	altered := w.Changes != nil && w.Changes.Strongest().Class() == realedit.Altered
	switch {
	case want == nil && !altered:
		return nil, nil
	case want == nil:
		return nil, realedit.Errorf(realedit.CodeQCFailed, "gate", "pixels are computed or synthesised, and the picture before them was not kept (Work.Unaltered)")
	case want.Bounds() != w.Image.Bounds() || want.Format() != w.Image.Format() || want.Channels() != w.Image.Channels():
		return nil, realedit.Errorf(realedit.CodeQCFailed, "gate", "the picture is %v, the one before computed pixels %v", w.Image, want)
	case w.Changes != nil && w.Changes.Map.Bounds() != w.Image.Bounds():
		return nil, realedit.Errorf(realedit.CodeQCFailed, "gate", "the picture is %v, its alteration map %v", w.Image, w.Changes.Map)
	}
	return want, nil
}

// skipMask is 1 for proxy pixels that touch one whose map value satisfies out; nil when none does.
func skipMask(g geometry, m *kernels.Image, out func(uint8) bool) []uint8 {
	if m == nil {
		return nil
	}
	var is [256]uint8
	for i := range is {
		if out(uint8(i)) {
			is[i] = 1
		}
	}
	s := make([]uint8, g.w*g.h)
	any := make([]uint8, g.h)
	rows(g.h, func(y0, y1 int) {
		for y := y0; y < y1; y++ {
			f := g.full(0, y, g.w, y+1)
			for j := f.Min.Y; j < f.Max.Y; j++ {
				row := m.RowU8(j)
				// Most rows are one value throughout: then there is nothing to look up.
				if is[row[0]] == 0 && uniform(row) {
					continue
				}
				for x, v := range row {
					if is[v] != 0 {
						s[y*g.w+min(g.w-1, int(float64(x)/g.sx))] = 1
						any[y] = 1
					}
				}
			}
		}
	})
	for _, a := range any {
		if a != 0 {
			return s
		}
	}
	return nil
}

// uniform tells whether all bytes are equal.
func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }
