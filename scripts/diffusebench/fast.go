package main

import (
	"context"
	"fmt"
	"image"
	"slices"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/diffuse/control"
	"github.com/realedit/realedit/diffuse/lock"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/text"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels"
	_ "github.com/realedit/realedit/kernels/cpu"
)

// timeFast times diffuse.Correct's parts: a picture of 45 MP seen at 1, the networks, the lock's fit and its application at full size. Random weights make nothing that
// a lock would know, so it is fitted to a picture that is warmer.
func timeFast(dir string, o *pictureOptions) error {
	n, err := networks(dir, o.controls, o.int8)
	if err != nil {
		return err
	}
	e, err := diffuse.Open(n, &diffuse.Options{Devices: []int{0}, Profile: diffuse.Profile40GB})
	if err != nil {
		return err
	}
	defer e.Close()
	b, err := kernels.Open("cpu")
	if err != nil {
		return err
	}
	env := &realedit.Env{Backend: b, Ops: kernels.Complete(b, nil)}
	s, err := sampler.NewSchedule(o.steps, sampler.Epsilon)
	if err != nil {
		return err
	}
	start, err := s.StartWith(o.executed)
	if err != nil {
		return err
	}
	photo := scenery(o.width, o.height)
	const h = 832
	w := h * o.width / o.height
	model := scenery(w, h)
	small, err := b.NewImage(w, h, 3, kernels.U8)
	if err != nil {
		return err
	}
	if err := env.Ops.Resize(small, photo); err != nil {
		return err
	}
	for y := range h { // what the model is said to have made of it
		for x, v := range small.RowU8(y) {
			model.RowU8(y)[x] = v
			if x%3 == 0 {
				model.RowU8(y)[x] = uint8(min(255, int(v)*103/100))
			}
		}
	}
	out, err := b.NewImage(o.width, o.height, 3, kernels.U8)
	if err != nil {
		return err
	}
	prompt := &text.Embedding{Hidden: tiny.Field("hidden", text.Length*text.Width), Pooled: tiny.Field("pooled", text.WidthCLIPBigG)}
	var totals []float64
	for i := range o.reps + 1 {
		begin := time.Now()
		marks := []float64{}
		mark := func() { marks = append(marks, time.Since(begin).Seconds()) }
		if err := env.Ops.Resize(small, photo); err != nil {
			return err
		}
		edges, err := control.Canny(small, control.Thresholds{})
		if err != nil {
			return err
		}
		mark()
		r, err := e.Run(context.Background(), &diffuse.Job{Picture: small, Prompt: prompt, Schedule: s, Start: start, Whole: true,
			Controls: []diffuse.Control{{Image: small, Scale: 0.6}, {Image: edges, Scale: 0.5}}})
		if err != nil {
			return err
		}
		mark()
		g, _, err := lock.Fit(context.Background(), env, photo, model, nil)
		if err != nil {
			return err
		}
		mark()
		if err := lock.Apply(context.Background(), out, photo, image.Point{}, g); err != nil {
			return err
		}
		mark()
		r.Picture.Free()
		edges.Free()
		fmt.Printf("fast path %d: seen %.3f, networks %.3f, fitted %.3f, applied %.3f s\n", i, marks[0], marks[1], marks[2], marks[3])
		if i > 0 {
			totals = append(totals, marks[3])
		}
	}
	slices.Sort(totals)
	fmt.Printf("fast path, %d×%d, %d step(s), 2 ControlNets: least %.3f median %.3f s\n", o.width, o.height, o.executed, totals[0], totals[len(totals)/2])
	return nil
}
