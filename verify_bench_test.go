package realedit

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// wide is a stage that makes a picture of 8192×5464 pixels of a photo, side by side as it is.
type wide struct{ asShot }

func (wide) Apply(ctx context.Context, env *Env, w *Work) error {
	m, err := w.Set.Ref().Pixels(ctx, env.Backend)
	if err != nil {
		return err
	}
	defer m.Free()
	big, err := env.NewImage(8192, 5464, 3, kernels.U8)
	if err != nil {
		return err
	}
	for y := range big.Height() {
		for row, src := big.RowU8(y), m.RowU8(y%m.Height()); len(row) > 0; row = row[min(len(row), len(src)):] {
			copy(row, src)
		}
	}
	w.SetImage(big)
	return nil
}

// Verifying an altered picture of 45 megapixels and its sibling, and what the proof costs when it is written.
func BenchmarkVerify(b *testing.B) {
	p, err := Open("testdata/listing/DSC00126.JPG", nil)
	require.NoError(b, err)
	e, err := New(Config{Backends: []kernels.Backend{kerneltest.Host(b)}, Policy: AB723})
	require.NoError(b, err)
	r, err := e.Process(context.Background(), stages{list: []Stage{wide{}, skied{Source: SkyPhysical}}}, Set{ID: "one", Photos: []*Photo{p}})
	require.NoError(b, err)
	defer r.Free()
	// A third of it is sky.
	for y := range r.Image.Height() / 3 {
		row := r.Changes.Map.RowU8(y)
		for x := range row {
			row[x] = uint8(ChangeComputed)
		}
	}
	r.Report.Shares = r.Changes.Shares()
	for _, f := range []FileFormat{JPEG, PNG, TIFF} {
		o := ExportOptions{Format: f, Bits: 8}
		dir := delivered(b, r, o)
		b.Run(f.String(), func(b *testing.B) {
			for b.Loop() {
				v, err := Verify(context.Background(), os.DirFS(dir), "one.report.json", nil)
				require.NoError(b, err)
				require.Empty(b, v.Problems)
			}
		})
		info, err := os.Stat(dir + "/one" + f.Ext())
		require.NoError(b, err)
		b.Logf("%v: %.1f MB", f, float64(info.Size())/1e6)
	}
	b.Run("encode altered jpeg", func(b *testing.B) {
		for b.Loop() {
			var out bytes.Buffer
			require.NoError(b, r.Encode(&out, nil))
		}
	})
	b.Run("encode unaltered sibling", func(b *testing.B) {
		for b.Loop() {
			var out bytes.Buffer
			require.NoError(b, r.Encode(&out, &ExportOptions{Unaltered: true}))
		}
	})
	b.Run("encode changes", func(b *testing.B) {
		for b.Loop() {
			var out bytes.Buffer
			require.NoError(b, r.EncodeChanges(&out))
		}
	})
}
