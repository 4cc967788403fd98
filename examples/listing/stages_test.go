package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/pipeline"
)

func after(name string, s realedit.Stage) func(*pipeline.Pipeline) (*pipeline.Pipeline, error) {
	return func(p *pipeline.Pipeline) (*pipeline.Pipeline, error) { return p.After(name, s) }
}

// failing is a host's stage that panics over one set.
type failing struct{ set string }

func (failing) Name() string { return "host.failing" }

func (f failing) Apply(_ context.Context, _ *realedit.Env, w *realedit.Work) error {
	if w.Set.ID == f.set {
		panic("out of ideas")
	}
	return nil
}

// painting is a host's stage that invents a few pixels.
type painting struct{}

func (painting) Name() string            { return "host.painting" }
func (painting) Alters() realedit.Change { return realedit.ChangeSynthesised }

func (painting) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	m, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, w.Image.Format())
	if err != nil {
		return err
	}
	mask, err := kernels.NewHostImage(nil, m.Width(), m.Height(), 1, kernels.U8)
	if err != nil {
		return err
	}
	defer mask.Free()
	w.Changes, err = realedit.NewAlterationMap(m.Width(), m.Height())
	err = errors.Join(err, env.Backend.Copy(ctx, m, w.Image))
	for y := range m.Height() {
		clear(mask.RowU8(y))
		if y >= 20 && y < 28 {
			clear(m.Row(y)[:m.Width()/8])
			for x := range 8 {
				mask.RowU8(y)[x] = 255
			}
		}
	}
	w.Unaltered = w.Image
	w.SetImage(m)
	return errors.Join(err, w.Changes.Mark(mask, realedit.ChangeSynthesised))
}

func TestAlteredPictureHasItsSibling(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0)
	c := func() *command { return &command{compose: after("hdr.merge", painting{})} }
	out := t.TempDir()
	r := callWith(t, c(), append(quick(out), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	var rep realedit.Report
	data, err := os.ReadFile(filepath.Join(out, "DSC00010.report.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &rep))
	require.Equal(t, realedit.Altered, rep.Class)
	require.Equal(t, "unaltered/DSC00010.jpg", rep.Unaltered.File)
	sum, err := hashFile(filepath.Join(out, rep.Unaltered.File))
	require.NoError(t, err)
	require.Equal(t, sum, rep.Unaltered.SHA256)
	require.NotEqual(t, rep.Output.SHA256, sum)
	require.Equal(t, realedit.Disclosure, readBatch(t, out).Sets[0].Disclosure)

	// Without the stage the picture is unaltered again, and its sibling goes.
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.NoFileExists(t, filepath.Join(out, "unaltered", "DSC00010.jpg"))

	// A policy that wants no sibling: nothing says that there is one.
	out = t.TempDir()
	r = callWith(t, c(), append(quick(out, "-policy", "permissive"), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.NoDirExists(t, filepath.Join(out, "unaltered"))
	require.Equal(t, "altered", readBatch(t, out).Sets[0].Class)
	require.Empty(t, readBatch(t, out).Sets[0].Disclosure)

	// A policy that forbids it: refused, with a finding.
	out = t.TempDir()
	r = callWith(t, c(), append(quick(out, "-policy", "corrected-only"), in)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	data, err = os.ReadFile(filepath.Join(out, "DSC00010.report.json"))
	require.NoError(t, err)
	require.Contains(t, string(data), "policy_refused")
	require.NoFileExists(t, filepath.Join(out, "unaltered", "DSC00010.jpg"))
}
