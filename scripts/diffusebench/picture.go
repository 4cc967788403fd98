package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse"
	"github.com/realedit/realedit/diffuse/graph"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/sampler"
	"github.com/realedit/realedit/diffuse/text"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/procmem"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
	"github.com/realedit/realedit/kernels"
)

type pictureOptions struct {
	profile         string
	width, height   int
	tile, overlap   int
	steps, executed int
	reps, gpus      int
	batch, vaeBatch int
	controls        int
	goOn, int8      bool
	stepDown        bool
}

// networks opens what makeWeights wrote.
func networks(dir string, controls int, int8 bool) (*diffuse.Networks, error) {
	open := func(n weights.Network, name string) (*weights.Set, error) {
		s, err := weights.Open(n, filepath.Join(dir, name+".safetensors"))
		if err != nil || !int8 || n == weights.VAE {
			return s, err
		}
		start := time.Now()
		s, err = s.Int8(context.Background(), safetensors.Cache{Dir: filepath.Join(dir, "int8"), Limit: -1})
		fmt.Printf("%s in 8 bits: %.1f s\n", name, time.Since(start).Seconds())
		return s, err
	}
	n := &diffuse.Networks{}
	var err error
	if n.UNet, err = open(weights.UNet, "unet"); err != nil {
		return nil, err
	}
	if n.VAE, err = open(weights.VAE, "vae"); err != nil {
		return nil, err
	}
	for _, name := range []string{"tile", "canny"}[:controls] {
		s, err := open(weights.ControlNet, name)
		if err != nil {
			return nil, err
		}
		n.Controls = append(n.Controls, graph.ControlNet{Weights: s})
	}
	return n, nil
}

// timePicture times whole pictures, from host picture to host picture.
func timePicture(dir string, o *pictureOptions) error {
	debug.SetGCPercent(15) // as the listing command does
	n, err := networks(dir, o.controls, o.int8)
	if err != nil {
		return err
	}
	p, ok := map[string]diffuse.Profile{"8GB": diffuse.Profile8GB, "16GB-int8": diffuse.Profile16GBInt8, "24GB": diffuse.Profile24GB, "40GB+": diffuse.Profile40GB}[o.profile]
	if !ok {
		return fmt.Errorf("no profile %q", o.profile)
	}
	if o.batch > 0 {
		p.Batch = o.batch
	}
	if o.vaeBatch > 0 {
		p.VAEBatch = o.vaeBatch
	}
	var gpus []int
	for i := range o.gpus {
		gpus = append(gpus, i)
	}
	e, err := diffuse.Open(n, &diffuse.Options{Devices: gpus, Profile: p, StepDown: o.stepDown})
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := sampler.NewSchedule(o.steps, sampler.Epsilon)
	if err != nil {
		return err
	}
	start, err := s.StartWith(o.executed)
	if err != nil {
		return err
	}
	photo := scenery(o.width, o.height)
	j := &diffuse.Job{Picture: photo, Schedule: s, Start: start, Tile: o.tile, Overlap: o.overlap,
		Prompt: &text.Embedding{Hidden: tiny.Field("hidden", text.Length*text.Width), Pooled: tiny.Field("pooled", text.WidthCLIPBigG)}}
	for range o.controls {
		j.Controls = append(j.Controls, diffuse.Control{Image: photo, Scale: 0.5})
	}
	peak := watch()
	var times []float64
	for i := range o.reps + 1 {
		begin := time.Now()
		marks := map[string]float64{}
		var done atomic.Int64
		j.Progress = func(f float64) {
			done.Store(int64(f * 1000))
			for name, at := range map[string]float64{"encoded": 0.0999, "sampled": 0.6999} {
				if _, there := marks[name]; !there && f >= at {
					marks[name] = time.Since(begin).Seconds()
				}
			}
		}
		r, err := e.Run(context.Background(), j)
		if err != nil && o.goOn {
			fmt.Printf("%s picture %d: %s after %.2f s: %.200s\n", p.Name, i, realedit.CodeOf(err), time.Since(begin).Seconds(), err)
			time.Sleep(4 * time.Second)
			continue
		}
		if err != nil {
			return err
		}
		t := time.Since(begin).Seconds()
		r.Picture.Free()
		fmt.Printf("%s picture %d: %d tiles, %d bad, %.2f s (encoded %.2f, sampled %.2f), anonymous memory then %.0f MB\n", r.Profile.Name, i, r.Tiles, len(r.Bad), t, marks["encoded"], marks["sampled"], float64(procmem.Bytes("RssAnon"))/1e6)
		if i > 0 {
			times = append(times, t)
		}
	}
	slices.Sort(times)
	if len(times) > 0 {
		fmt.Printf("%s batch %d/%d, %d×%d, tile %d, %d step(s), %d ControlNet(s), %d GPU(s): least %.2f median %.2f s; anonymous host memory at most %.2f GB, Go %s\n",
			p.Name, p.Batch, p.VAEBatch, o.width, o.height, o.tile, o.executed, o.controls, o.gpus, times[0], times[len(times)/2], float64(peak())/1e9, runtime.Version())
	}
	return nil
}

// scenery is a picture with slopes, edges and noise: nothing that is the same everywhere.
func scenery(w, h int) *kernels.Image {
	pix := make([]uint8, 3*w*h)
	noise := tiny.Field("grain", 1<<16)
	for y := range h {
		for x := range w {
			v := 110 + 60*math.Sin(float64(x)/900)*math.Cos(float64(y)/700)
			if (x/640+y/480)%3 == 0 {
				v += 50
			}
			v += 6 * float64(noise[(y*7919+x)&0xffff])
			i := 3 * (y*w + x)
			pix[i], pix[i+1], pix[i+2] = uint8(v), uint8(v*0.95), uint8(v*0.85)
		}
	}
	m, err := kernels.Wrap(pix, w, h, 3)
	if err != nil {
		panic(err)
	}
	return m
}

// watch samples the process's anonymous memory; what it gives tells the most.
func watch() func() int64 {
	var most atomic.Int64
	go func() {
		for {
			if v := procmem.Bytes("RssAnon"); v > most.Load() {
				most.Store(v)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return most.Load
}
