package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"runtime"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/pipeline"
	"github.com/realedit/realedit/segment"
)

const masksUsage = `usage: listing masks [flags] FILE|FOLDER...

Writes what is seen in photographs, brackets taken together: NAME.sky.png and NAME.window.png (8 bits, 255 inside) and NAME.scene.json.

`

// scenery is NAME.scene.json.
type scenery struct {
	Scene      realedit.SceneKind `json:"scene"`
	Room       realedit.Room      `json:"room"`
	Confidence float64            `json:"confidence"`
	Source     string             `json:"source,omitempty"`
	Windows    [][4][2]float64    `json:"windows"` // corners, clockwise from the upper left one
}

// maskNames are those of masks. The prefix keeps them apart from finished pictures in the same -out.
var maskNames = naming{"masks/", func(name string) []string {
	return []string{name + ".sky.png", name + ".window.png", name + ".scene.json"}
}}

// maskStages are what masks runs.
func maskStages() (*pipeline.Pipeline, error) {
	return pipeline.New("masks", hdr.Align{}, hdr.Merge{}, segment.Scene{}, segment.Windows{}, segment.Sky{})
}

func parseMasks(args []string) (*options, error) {
	o, text := &options{}, map[string]*string{}
	flagSet(o, text) // what masks has no flags for is as listing has it
	*text["format"], *text["keep-pixels"] = "png", "0"
	f := masksFlags(o, text)
	for rest := args; ; {
		if err := f.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return nil, errHelp
		} else if err != nil {
			return nil, badUsage("flags", "%v", err)
		}
		if f.NArg() == 0 {
			break
		}
		o.inputs, rest = append(o.inputs, f.Arg(0)), f.Args()[1:]
	}
	if len(o.inputs) == 0 {
		return nil, badUsage("flags", "no file to look at")
	}
	return o, o.check(text)
}

func masksFlags(o *options, text map[string]*string) *flag.FlagSet {
	f := flag.NewFlagSet("listing masks", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&o.out, "out", "masks", "folder for the masks")
	f.StringVar(&o.sets, "sets", "auto", "auto|folder|N: how photos are sorted into sets")
	f.StringVar(&o.backend, "backend", "auto", "auto|ref|cpu|cuda[:N]: where pixels are worked on")
	f.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "processor threads")
	text["memory"] = f.String("memory", "2GiB", "host memory to stay within")
	f.StringVar(&o.models, "models", "", "folder of models, or none; default $"+envModels+", then the user's own (docs/models.md)")
	f.BoolVar(&o.quiet, "q", false, "print nothing but errors")
	return f
}

// masks is `listing masks`.
func masks(c *command, ctx context.Context, args []string) int {
	o, err := parseMasks(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(c.stdout, masksUsage)
		f := masksFlags(&options{}, map[string]*string{})
		f.SetOutput(c.stdout)
		f.PrintDefaults()
		return exitDone
	}
	failed := 0
	if err == nil {
		failed, err = c.writeMasks(ctx, o)
	}
	if err != nil && ctx.Err() != nil {
		err = &realedit.Error{Code: realedit.CodeCancelled, Err: errors.New("stopped")}
	}
	switch {
	case errors.As(err, new(usageError)):
		fmt.Fprintf(c.stderr, "listing masks: %s\n", message(err))
		return exitUsage
	case err != nil:
		fmt.Fprintf(c.stderr, "listing masks: %s\n", message(err))
		return exitFailed
	case failed > 0:
		return exitQuarantined
	}
	return exitDone
}

// writeMasks looks at every set; failed is how many gave no masks.
func (c *command) writeMasks(ctx context.Context, o *options) (failed int, err error) {
	lists, skipped, err := find(o)
	if err != nil {
		return 0, err
	}
	pixels, restore := limitMemory(o)
	defer restore()
	quiet := *o
	quiet.quiet = true // of progress: there is a line per set
	b := c.newBatch(&quiet, pixels, skipped)
	defer b.show.close()
	if err := b.openBackends(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.closeBackends()) }()
	b.planCache(lists)
	defer b.cache.Clear()
	found, err := b.open(ctx, lists)
	if err != nil {
		return 0, err
	}
	var jobs []*job
	for k, l := range lists {
		if err := b.planOne(l, found[k]); err != nil {
			return 0, err
		}
		jobs = append(jobs, l.sets...)
	}
	stages, err := maskStages()
	if err != nil {
		return 0, err
	}
	out, err := openOutput(resolve(o.out), c.fault)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	assignNames(jobs, out, maskNames)
	for _, ig := range b.ignored {
		switch {
		case ig.Code != "":
			fmt.Fprintf(c.stderr, "listing masks: %s: %s: %s\n", ig.Path, ig.Code, ig.Reason)
		case !o.quiet:
			fmt.Fprintf(c.stderr, "listing masks: %s: no masks of its own: %s\n", ig.Path, ig.Reason)
		}
	}
	// A file that was named and is no photograph is no set; it was still asked for.
	for k, l := range lists {
		if l.root == "" {
			for _, ig := range found[k].ignored {
				if ig.Code == realedit.CodeNotPhoto || ig.Code == realedit.CodeEmptyFile {
					failed++
				}
			}
		}
	}
	for _, j := range jobs {
		err := c.masksOf(ctx, b, j, stages, out)
		if errors.As(err, new(diskError)) || ctx.Err() != nil {
			return failed, err
		}
		if err != nil {
			failed++
			fmt.Fprintf(c.stderr, "listing masks: %s: %s\n", j.name, message(err))
			continue
		}
		if !o.quiet {
			fmt.Fprintln(c.stdout, j.name)
		}
	}
	return failed, nil
}

// masksOf looks at one set and writes its three files, all of them or none.
func (c *command) masksOf(ctx context.Context, b *batch, j *job, stages *pipeline.Pipeline, out *output) error {
	if j.broken != nil {
		return j.broken.err
	}
	r, err := b.editor.Process(ctx, stages, j.set)
	if err != nil {
		return err
	}
	defer r.Free()
	seen := scenery{Scene: realedit.SceneUnknown, Room: realedit.RoomUnknown, Windows: [][4][2]float64{}}
	if f := r.Report.Scene; f != nil {
		seen.Scene, seen.Room, seen.Confidence, seen.Source = f.Scene, cmp.Or(f.Room, realedit.RoomUnknown), f.Confidence, f.Source
	}
	for _, w := range r.Report.Windows {
		seen.Windows = append(seen.Windows, w.Corners)
	}
	var drafts []draft
	defer func() { discard(drafts) }()
	add := func(name string, write func(io.Writer) error) error {
		d, err := out.draft(ctx, name, write)
		if err == nil {
			drafts = append(drafts, d)
		}
		return err
	}
	for _, m := range []struct {
		name string
		key  realedit.Key
	}{{".sky.png", realedit.MaskSky}, {".window.png", realedit.MaskWindow}} {
		if err := add(j.name+m.name, func(w io.Writer) error { return writeMask(ctx, w, b.backends[0], r, m.key) }); err != nil {
			return err
		}
	}
	if err := add(j.name+".scene.json", func(w io.Writer) error {
		return json.NewEncoder(w).Encode(seen)
	}); err != nil {
		return err
	}
	all := drafts
	drafts = nil // publish discards them where it fails
	return out.publish(entry{Name: maskNames.prefix + j.name, Photo: j.photo}, all)
}

// writeMask is a mask as a PNG of grey values; one that was not found is black.
func writeMask(ctx context.Context, w io.Writer, b kernels.Backend, r *realedit.Result, k realedit.Key) error {
	grey := image.NewGray(image.Rect(0, 0, r.Image.Width(), r.Image.Height()))
	if m := r.Masks[k]; m != nil {
		host, free, err := kernels.ToHost(ctx, b, m)
		if err != nil {
			return err
		}
		defer free()
		for y := range host.Height() {
			copy(grey.Pix[y*grey.Stride:], host.RowU8(y))
		}
	}
	return png.Encode(w, grey)
}
