package main

import (
	"bytes"
	"context"
	"image/jpeg"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/pipeline"
)

// previewSide is the longer side of the pictures in the gallery.
const previewSide = 1200

const previewDir = "previews"

// previews holds what the reference photos looked like, from when they were decoded
// for the edit until the set's files are written.
type previews struct {
	mu   sync.Mutex
	jpeg map[string][]byte // by set id
}

// watchedAlign is hdr.Align that keeps a small copy of the reference photo on its way.
type watchedAlign struct {
	hdr.Align
	keep *previews
}

// Recorded is that of hdr.Align: watching changes nothing.
func (a watchedAlign) Recorded() any { return a.Align }

// Apply aligns, then looks.
func (a watchedAlign) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	if err := a.Align.Apply(ctx, env, w); err != nil {
		return err
	}
	b, err := smallJPEG(ctx, env.Backend, env.Ops, w.Frames[w.Reference].Image)
	if err != nil {
		return err
	}
	a.keep.mu.Lock()
	defer a.keep.mu.Unlock()
	a.keep.jpeg[w.Set.ID] = b
	return nil
}

// watch returns the pipeline with its alignment watched, if that is the library's.
func (v *previews) watch(p *pipeline.Pipeline) (*pipeline.Pipeline, error) {
	for _, s := range p.Stages() {
		if a, ok := s.(hdr.Align); ok {
			return p.Replace(a.Name(), watchedAlign{a, v})
		}
	}
	return p, nil
}

// take hands over a set's preview; nil when there is none.
func (v *previews) take(id string) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.jpeg[id]
	delete(v.jpeg, id)
	return b
}

// smallJPEG is a picture at gallery size.
func smallJPEG(ctx context.Context, b kernels.Backend, ops *kernels.Ops, m *kernels.Image) ([]byte, error) {
	w, h := fit(m.Width(), m.Height(), previewSide)
	small, err := b.NewImage(w, h, 3, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := ops.Resize(small, m); err != nil {
		return nil, err
	}
	host, free, err := kernels.ToHost(ctx, b, small)
	if err != nil {
		return nil, err
	}
	defer free()
	pic, err := realedit.Picture(host)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, pic, &jpeg.Options{Quality: 80})
	return out.Bytes(), err
}

// fit scales w×h down so that the longer side is at most side.
func fit(w, h, side int) (int, int) {
	if max(w, h) <= side {
		return w, h
	}
	if w >= h {
		return side, max(1, (h*side+w/2)/w)
	}
	return max(1, (w*side+h/2)/h), side
}
