package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// otherSky is a sky replacement as the rules want it, on any backend: the picture from before is kept, a sky is composited through a soft mask, and what
// the mask touches is marked. With leak one pixel more is changed.
type otherSky struct{ leak bool }

func (otherSky) Name() string            { return "segment.replacesky" }
func (otherSky) Needs() []realedit.Key   { return []realedit.Key{realedit.KeyImage} }
func (otherSky) Gives() []realedit.Key   { return nil }
func (otherSky) Alters() realedit.Change { return realedit.ChangeComputed }

func (s otherSky) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	width, height := w.Image.Width(), w.Image.Height()
	here, err := kernels.NewHostImage(nil, width, height, 3, w.Image.Format())
	if err != nil {
		return err
	}
	defer here.Free()
	mask, err := kernels.NewHostImage(nil, width, height, 1, kernels.U8)
	if err != nil {
		return err
	}
	defer mask.Free()
	if err := env.Backend.Copy(ctx, here, w.Image); err != nil {
		return err
	}
	if err := env.Backend.Sync(ctx); err != nil {
		return err
	}
	blend := func(v, sky, alpha int) int { return (v*(255-alpha) + sky*alpha + 127) / 255 }
	for y := range height {
		for x := range width {
			alpha := min(max(0, height/4-y+8*(x/7%3)), 25) * 255 / 25
			mask.RowU8(y)[x] = uint8(alpha)
			for c, sky := range []int{110, 160, 230} {
				if i := 3*x + c; here.Format() == kernels.U16 {
					here.RowU16(y)[i] = uint16(blend(int(here.RowU16(y)[i]), 257*sky, alpha))
				} else {
					here.RowU8(y)[i] = uint8(blend(int(here.RowU8(y)[i]), sky, alpha))
				}
			}
		}
	}
	if s.leak {
		here.Row(height - 5)[3*20*here.Format().Size()+here.Format().Size()-1] ^= 16 // the high byte of 16 bits
	}
	m, err := env.NewImage(width, height, 3, here.Format())
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, m, here); err != nil {
		m.Free()
		return err
	}
	if err := env.Backend.Sync(ctx); err != nil {
		m.Free()
		return err
	}
	w.Unaltered = w.Image
	w.SetImage(m)
	if w.Changes == nil {
		if w.Changes, err = realedit.NewAlterationMap(width, height); err != nil {
			return err
		}
	}
	w.Report.Sky = &realedit.SkyFacts{Source: realedit.SkyPhysical}
	return w.Changes.Mark(mask, realedit.ChangeComputed)
}

// files writes a result as the listing command does and returns the folder.
func files(t testing.TB, r *realedit.Result, o realedit.ExportOptions) string {
	return filesOf(t, r, r, o)
}

// filesOf is files with another result's sibling.
func filesOf(t testing.TB, r, other *realedit.Result, o realedit.ExportOptions) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, enc func(*bytes.Buffer) error) *realedit.FileFacts {
		var b bytes.Buffer
		require.NoError(t, enc(&b))
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
		sum := sha256.Sum256(b.Bytes())
		return &realedit.FileFacts{File: name, SHA256: hex.EncodeToString(sum[:])}
	}
	name := "one" + o.Format.Ext()
	write(name, func(b *bytes.Buffer) error { return r.Encode(b, &o) })
	r.Report.Output.File, r.Report.Unaltered = name, nil
	if r.Report.Class == realedit.Altered && r.Report.Policy.NeedsSibling() {
		o.Unaltered = true
		r.Report.Unaltered = write("unaltered/"+name, func(b *bytes.Buffer) error { return other.Encode(b, &o) })
	}
	write("one.changes.png", func(b *bytes.Buffer) error { return r.EncodeChanges(b) })
	r.Report.Changes.File = "one.changes.png"
	write("one"+realedit.ReportSuffix, func(b *bytes.Buffer) error { return json.NewEncoder(b).Encode(r.Report) })
	return dir
}

// verified are the problems of a folder.
func verified(t testing.TB, dir string) []realedit.Problem {
	t.Helper()
	v, err := realedit.VerifyFile(context.Background(), filepath.Join(dir, "one"+realedit.ReportSuffix), nil)
	require.NoError(t, err)
	return v.Problems
}

// composed is a route with a stage in the place of the one that replaces skies: on the ladder where the route has one, else before the gate.
func composed(t testing.TB, route string, s realedit.Stage, gate bool) *Pipeline {
	t.Helper()
	p, err := Route(route, nil)
	require.NoError(t, err)
	switch _, inner, missing := p.find("segment.replacesky"); {
	case inner && s == nil:
		p, err = p.Without("segment.replacesky")
	case inner:
		p, err = p.Replace("segment.replacesky", s)
	case s != nil:
		require.Error(t, missing)
		p, err = p.Before("qc", s)
	}
	require.NoError(t, err)
	if !gate {
		p, err = p.Without("qc")
		require.NoError(t, err)
	}
	return p
}

// Exactly, on every route and in every format: what is delivered is what its report says, and outside the map the altered picture is the
// deterministic one. A leak of one pixel stops at the gate; without a gate Encode refuses, and files that are written all the same tell.
func TestExactlyOnEveryRoute(t *testing.T) {
	set := scaled(t, byName(t)["DSC00140"], 0.2)
	exports := []realedit.ExportOptions{{}, {Format: realedit.PNG}, {Format: realedit.PNG, Bits: 16}, {Format: realedit.TIFF}, {Format: realedit.TIFF, Bits: 8}}
	host := kerneltest.Host(t)
	for _, b := range []kernels.Backend{host, offhost.New(host, "far:0", 1<<40)} {
		c := on(b)
		c.Policy = realedit.AB723
		e, err := realedit.New(c)
		require.NoError(t, err)
		run := func(p *Pipeline) (*realedit.Result, error) { return e.Process(context.Background(), p, set) }
		for _, route := range []string{"fuse", "auto", "interior", "exterior"} {
			t.Run(fmt.Sprintf("%s on %s", route, b.Name()), func(t *testing.T) {
				// Neither altered …
				r, err := run(composed(t, route, nil, true))
				require.NoError(t, err)
				defer r.Free()
				require.NotEqual(t, realedit.Altered, r.Report.Class)
				for _, o := range exports {
					require.Empty(t, verified(t, files(t, r, o)), "%+v", o)
				}
				// … nor not.
				a, err := run(composed(t, route, otherSky{}, true))
				require.NoError(t, err)
				defer a.Free()
				require.Equal(t, realedit.Altered, a.Report.Class)
				require.Contains(t, a.Report.Measures, "qc_leak_pixels")
				require.Zero(t, a.Report.Measures["qc_leak_pixels"])
				for _, o := range exports {
					dir := files(t, a, o)
					require.Empty(t, verified(t, dir), "%+v", o)
					if o.Format != realedit.JPEG {
						continue
					}
					// The sibling is coded as the route's own picture is without the stage.
					sibling, err := os.ReadFile(filepath.Join(dir, "unaltered", "one.jpg"))
					require.NoError(t, err)
					var want bytes.Buffer
					require.NoError(t, r.Encode(&want, nil))
					require.Equal(t, scanOf(t, want.Bytes()), scanOf(t, sibling))
				}
				// The gate sees one pixel. A ladder then takes back where it is.
				p := composed(t, route, otherSky{leak: true}, true)
				judged, err := run(p)
				if _, inner, _ := p.find("segment.replacesky"); inner {
					require.NoError(t, err)
					defer judged.Free()
					require.NotEqual(t, "sky", judged.Report.Rung)
					require.True(t, slices.ContainsFunc(judged.Report.Findings, func(f realedit.Finding) bool {
						return f.Check == realedit.CheckRetry && strings.Contains(f.Message, "leak pixels is 1")
					}), "%v", judged.Report.Findings)
					for _, o := range exports {
						require.Empty(t, verified(t, files(t, judged, o)), "%+v", o)
					}
				} else {
					require.Equal(t, realedit.CodeQCFailed, realedit.CodeOf(err), "%v", err)
					require.ErrorContains(t, err, "leak pixels is 1")
				}
				// So does verify, of the files; and they are not written without force.
				l, err := run(composed(t, route, otherSky{leak: true}, false))
				require.NoError(t, err)
				defer l.Free()
				for _, o := range exports {
					one, apart := *l, *l
					dir := filesOf(t, &one, &apart, o)
					o.Unaltered = true
					require.Equal(t, realedit.CodeQCFailed, realedit.CodeOf(one.Encode(io.Discard, &o)))
					problems := verified(t, dir)
					require.Len(t, problems, 1, "%+v", o)
					require.Equal(t, realedit.ProblemLeak, problems[0].Code)
					require.Contains(t, problems[0].Message, "1 ")
				}
			})
		}
	}
}

// scanOf is a JPEG file from its first table on.
func scanOf(t testing.TB, b []byte) []byte {
	t.Helper()
	for i := 2; ; i += 2 + int(b[i+2])<<8 + int(b[i+3]) {
		require.Equal(t, byte(0xff), b[i])
		if b[i+1] == 0xdb {
			return b[i:]
		}
	}
}
