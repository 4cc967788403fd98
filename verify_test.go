package realedit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/internal/xmp"
	"github.com/realedit/realedit/kernels"
)

// skied is a stage that follows the rules for computed pixels: it keeps the picture from before, composites a sky through a soft
// mask and marks what it touched. With leak it changes one pixel more.
type skied struct {
	Source SkySource
	leak   bool
}

func (skied) Name() string   { return "segment.replacesky" }
func (skied) Alters() Change { return ChangeComputed }
func (s skied) Apply(ctx context.Context, env *Env, w *Work) error {
	m, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, w.Image.Format())
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, m, w.Image); err != nil {
		return err
	}
	mask, err := kernels.NewHostImage(nil, m.Width(), m.Height(), 1, kernels.U8)
	if err != nil {
		return err
	}
	defer mask.Free()
	for y := range m.Height() {
		alpha := min(max(0, 70+10*(y%3)-y), 40) * 255 / 40 // a horizon with teeth, 40 rows of soft edge
		row, sel := m.RowU8(y), mask.RowU8(y)
		for x := range sel {
			sel[x] = uint8(alpha)
			for c, v := range []int{90, 140, 220} {
				row[3*x+c] = uint8((int(row[3*x+c])*(255-alpha) + v*alpha + 127) / 255)
			}
		}
	}
	if s.leak {
		m.RowU8(m.Height() - 9)[3*33+1] ^= 64
	}
	w.Unaltered = w.Image
	w.SetImage(m)
	if w.Changes == nil {
		if w.Changes, err = NewAlterationMap(m.Width(), m.Height()); err != nil {
			return err
		}
	}
	w.Report.Sky = &SkyFacts{Source: s.Source}
	if s.Source == SkyLibrary {
		w.Report.Sky.Name, w.Report.Sky.SHA256 = "evening.jpg", strings.Repeat("ab", 32)
	}
	return w.Changes.Mark(mask, ChangeComputed)
}

// delivered writes a result's files as a host does and returns the folder.
func delivered(t testing.TB, r *Result, o ExportOptions) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, enc func(*bytes.Buffer) error) {
		var b bytes.Buffer
		require.NoError(t, enc(&b))
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666))
	}
	file := "one" + o.Format.Ext()
	r.exact[1] = nil // leaks are for Verify to find here
	write(file, func(b *bytes.Buffer) error { return r.Encode(b, &o) })
	r.Report.Output.File = file
	r.Report.Unaltered = nil
	if r.Report.Class == Altered && r.Report.Policy.NeedsSibling() {
		o.Unaltered = true
		r.exact[0] = nil
		write("unaltered/"+file, func(b *bytes.Buffer) error { return r.Encode(b, &o) })
		r.Report.Unaltered = &FileFacts{"unaltered/" + file, sumOf(t, dir, "unaltered/"+file)}
	}
	write("one.changes.png", func(b *bytes.Buffer) error { return r.EncodeChanges(b) })
	r.Report.Changes.File = "one.changes.png"
	write("one.report.json", func(b *bytes.Buffer) error { return json.NewEncoder(b).Encode(r.Report) })
	return dir
}

func sumOf(t testing.TB, dir, name string) string {
	t.Helper()
	v := &verifier{inputs: os.DirFS(dir)}
	sum, err := v.hash(name)
	require.NoError(t, err)
	return sum
}

// found are the codes of what Verify says of a folder, each once, in order.
func found(t testing.TB, dir, name string) []ProblemCode {
	t.Helper()
	v, err := Verify(context.Background(), os.DirFS(dir), name, nil)
	require.NoError(t, err)
	again, err := Verify(context.Background(), os.DirFS(dir), name, nil)
	require.NoError(t, err)
	require.Equal(t, v, again, "the same answer each time")
	var codes []ProblemCode
	for _, p := range v.Problems {
		if !slices.Contains(codes, p.Code) {
			codes = append(codes, p.Code)
		}
		require.NotEmpty(t, p.Message)
		require.NotEmpty(t, p.File)
	}
	return codes
}

// edit changes a folder's report.
func edit(t testing.TB, dir string, f func(*Report)) {
	t.Helper()
	path := filepath.Join(dir, "one.report.json")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var r Report
	require.NoError(t, json.Unmarshal(data, &r))
	f(&r)
	data, err = json.Marshal(&r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o666))
}

// change rewrites one file.
func change(t testing.TB, dir, name string, f func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, f(data), 0o666))
}

// copied is a folder with the same files.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

var exports = []ExportOptions{{}, {Format: PNG}, {Format: PNG, Bits: 16}, {Format: TIFF}, {Format: TIFF, Bits: 8}}

func TestVerifyWhatIsTrue(t *testing.T) {
	_, p := takenPhoto(t)
	for _, c := range []struct {
		class  Class
		list   []Stage
		policy Policy
	}{
		{Unaltered, []Stage{asShot{}}, CorrectedOnly},
		{Altered, []Stage{asShot{}, skied{Source: SkyLibrary}}, AB723},
		{Altered, []Stage{asShot{}, skied{Source: SkyPhysical}}, MLSStrict},
		{Altered, []Stage{asShot{}, skied{Source: SkyPhysical}}, Permissive}, // no sibling
	} {
		r := edited(t, stages{list: c.list}, p, c.policy)
		require.Equal(t, c.class, r.Report.Class)
		for _, o := range exports {
			dir := delivered(t, r, o)
			require.Empty(t, found(t, dir, "one"+o.Format.Ext()), "%v %+v", c.class, o)
			require.Empty(t, found(t, dir, "one.report.json"), "%v %+v", c.class, o)
			require.Equal(t, c.class == Altered && o.Format == JPEG, r.Report.Output.UnitsSHA256 != "")
		}
	}
}

// A stage that changes one pixel more than it says: everything agrees with everything, but for the sibling.
func TestVerifyFindsAPlantedLeak(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary, leak: true}}}, p, AB723)
	for _, o := range exports {
		dir := delivered(t, r, o)
		v, err := Verify(context.Background(), os.DirFS(dir), "one.report.json", nil)
		require.NoError(t, err)
		require.Len(t, v.Problems, 1, "%+v", o)
		require.Equal(t, ProblemLeak, v.Problems[0].Code)
		require.Contains(t, v.Problems[0].Message, "1 ")
		y := r.Image.Height() - 9
		want := Rectangle{33, y, 1, 1}
		if o.Format == JPEG {
			want = Rectangle{32, y &^ 15, 16, min(16, r.Image.Height()-y&^15)}
		}
		require.Equal(t, want, *v.Problems[0].Region)
	}
}

// Such a pair of files is not written, whichever of the two comes first.
func TestEncodeRefusesALeak(t *testing.T) {
	_, p := takenPhoto(t)
	for _, o := range exports {
		for _, leak := range []bool{false, true} {
			for _, first := range []bool{false, true} {
				r := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary, leak: leak}}}, p, AB723)
				a, b := o, o
				a.Unaltered, b.Unaltered = first, !first
				require.NoError(t, r.Encode(io.Discard, &a))
				require.NoError(t, r.Encode(io.Discard, &a), "again")
				err := r.Encode(io.Discard, &b)
				if leak {
					require.Equal(t, CodeQCFailed, CodeOf(err), "%+v", b)
				} else {
					require.NoError(t, err)
				}
			}
		}
	}
}

// A picture that was made anew with one block changed, its hashes in the report too.
func TestVerifyFindsAChangedBlock(t *testing.T) {
	_, p := takenPhoto(t)
	for _, altered := range []bool{false, true} {
		for _, policy := range []Policy{AB723, Permissive} {
			list := []Stage{asShot{}}
			if altered {
				list = append(list, skied{Source: SkyLibrary})
			}
			r := edited(t, stages{list: list}, p, policy)
			for _, o := range exports {
				dir := delivered(t, r, o)
				was := *r.Report.Output
				r.Image.RowU8(200)[3*120] ^= 32
				var b bytes.Buffer
				r.exact[1] = nil // or it would not be written
				require.NoError(t, r.Encode(&b, &o))
				now := *r.Report.Output
				r.Image.RowU8(200)[3*120] ^= 32
				require.NoError(t, os.WriteFile(filepath.Join(dir, was.File), b.Bytes(), 0o666))
				var want []ProblemCode
				switch {
				case altered && o.Format == JPEG:
					want = []ProblemCode{ProblemUnitsHash}
				case altered:
					want = []ProblemCode{ProblemUntouchedHash}
				case o.Format == JPEG:
					want = []ProblemCode{ProblemScanHash}
				default:
					want = []ProblemCode{ProblemPixelsHash}
				}
				if altered && policy.NeedsSibling() {
					want = append(want, ProblemLeak)
				}
				edit(t, dir, func(r *Report) {
					r.Output.SHA256 = now.SHA256
					if altered { // and the hash of all pixels
						r.Output.ScanSHA256, r.Output.PixelsSHA256 = now.ScanSHA256, now.PixelsSHA256
					}
				})
				require.Equal(t, want, found(t, dir, was.File), "altered %v, %v, %+v", altered, policy, o)
			}
		}
	}
}

// What can be wrong with the files, one thing at a time.
func TestVerifyFindsWrongFiles(t *testing.T) {
	_, p := takenPhoto(t)
	altered := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary}}}, p, AB723)
	// The same set of another exposure: another picture of the same size.
	other := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary}}}, p, AB723)
	for y := range other.Unaltered.Height() {
		for i, v := range other.Unaltered.RowU8(y) {
			other.Unaltered.RowU8(y)[i] = v/2 + 20
		}
	}
	small := edited(t, stages{list: []Stage{halved{}, skied{Source: SkyLibrary}}}, p, AB723)
	for _, o := range exports {
		clean := delivered(t, altered, o)
		pic := "one" + o.Format.Ext()
		sib := "unaltered/" + pic
		place := func(t testing.TB, dir, from, name string) {
			data, err := os.ReadFile(filepath.Join(from, name))
			require.NoError(t, err)
			change(t, dir, name, func([]byte) []byte { return data })
		}
		hashes := func(t testing.TB, dir string) {
			edit(t, dir, func(r *Report) {
				r.Output.SHA256, r.Unaltered.SHA256, r.Changes.SHA256 = sumOf(t, dir, pic), sumOf(t, dir, sib), sumOf(t, dir, "one.changes.png")
			})
		}
		hole := func(b []byte) []byte {
			m, err := png.Decode(bytes.NewReader(b))
			require.NoError(t, err)
			for x := range 5 {
				m.(*image.Paletted).SetColorIndex(20+x, 10, uint8(ChangeNone))
			}
			var out bytes.Buffer
			require.NoError(t, png.Encode(&out, m))
			return out.Bytes()
		}
		jpegOnly := func(c ProblemCode) ProblemCode {
			if o.Format == JPEG {
				return c
			}
			return ""
		}
		rasterOnly := func(c ProblemCode) ProblemCode {
			if o.Format != JPEG {
				return c
			}
			return ""
		}
		for name, c := range map[string]struct {
			plant func(t testing.TB, dir string)
			want  []ProblemCode
		}{
			"no picture":     {func(t testing.TB, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, pic))) }, []ProblemCode{ProblemMissing}},
			"no sibling":     {func(t testing.TB, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, sib))) }, []ProblemCode{ProblemMissing}},
			"no map":         {func(t testing.TB, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "one.changes.png"))) }, []ProblemCode{ProblemMissing}},
			"sibling unsaid": {func(t testing.TB, dir string) { edit(t, dir, func(r *Report) { r.Unaltered = nil }) }, []ProblemCode{ProblemSibling}},
			"map unsaid":     {func(t testing.TB, dir string) { edit(t, dir, func(r *Report) { r.Changes = nil }) }, []ProblemCode{ProblemNoMap}},
			"a folder in the sibling's place": {func(t testing.TB, dir string) {
				require.NoError(t, os.Remove(filepath.Join(dir, sib)))
				require.NoError(t, os.Mkdir(filepath.Join(dir, sib), 0o777))
			}, []ProblemCode{ProblemUnreadable}},
			"a picture cut off": {func(t testing.TB, dir string) { change(t, dir, pic, func(b []byte) []byte { return b[:len(b)*3/4] }) },
				[]ProblemCode{ProblemHash, ProblemBroken}},
			"a picture cut to nothing": {func(t testing.TB, dir string) { change(t, dir, pic, func(b []byte) []byte { return nil }) }, []ProblemCode{ProblemHash, ProblemFormat}},
			"a sibling cut off": {func(t testing.TB, dir string) { change(t, dir, sib, func(b []byte) []byte { return b[:len(b)*3/4] }) },
				[]ProblemCode{ProblemHash, ProblemBroken}},
			"a map cut off": {func(t testing.TB, dir string) {
				change(t, dir, "one.changes.png", func(b []byte) []byte { return b[:len(b)/2] })
			}, []ProblemCode{ProblemHash, ProblemMap}},
			"a map with a hole": {func(t testing.TB, dir string) { change(t, dir, "one.changes.png", hole) },
				[]ProblemCode{ProblemHash, ProblemShares, rasterOnly(ProblemUntouchedHash), rasterOnly(ProblemLeak)}},
			"a map with a hole and its hash": {func(t testing.TB, dir string) { change(t, dir, "one.changes.png", hole); hashes(t, dir) },
				[]ProblemCode{ProblemShares, rasterOnly(ProblemUntouchedHash), rasterOnly(ProblemLeak)}},
			"a reduced map": {func(t testing.TB, dir string) {
				change(t, dir, "one.changes.png", func([]byte) []byte {
					var out bytes.Buffer
					require.NoError(t, png.Encode(&out, image.NewPaletted(image.Rect(0, 0, 10, 10), changesPalette)))
					return out.Bytes()
				})
				hashes(t, dir)
			}, []ProblemCode{ProblemMap}},
			"a map of other colours": {func(t testing.TB, dir string) {
				change(t, dir, "one.changes.png", func(b []byte) []byte {
					m, err := png.Decode(bytes.NewReader(b))
					require.NoError(t, err)
					p := m.(*image.Paletted)
					p.Palette = slices.Clone(p.Palette)
					p.Palette[0], p.Palette[5] = p.Palette[5], color.RGBA{1, 2, 3, 255}
					var out bytes.Buffer
					require.NoError(t, png.Encode(&out, p))
					return out.Bytes()
				})
				hashes(t, dir)
			}, []ProblemCode{ProblemMap}},
			"a map of true colour": {func(t testing.TB, dir string) {
				change(t, dir, "one.changes.png", func([]byte) []byte {
					var out bytes.Buffer
					require.NoError(t, png.Encode(&out, image.NewNRGBA64(image.Rect(0, 0, altered.Image.Width(), altered.Image.Height()))))
					return out.Bytes()
				})
				hashes(t, dir)
			}, []ProblemCode{ProblemMap}},
			"a sibling of another picture": {func(t testing.TB, dir string) { place(t, dir, delivered(t, other, o), sib); hashes(t, dir) }, []ProblemCode{ProblemLeak}},
			"a sibling of another size":    {func(t testing.TB, dir string) { place(t, dir, delivered(t, small, o), sib); hashes(t, dir) }, []ProblemCode{ProblemSize}},
			"a picture of another size": {func(t testing.TB, dir string) { place(t, dir, delivered(t, small, o), pic); hashes(t, dir) },
				[]ProblemCode{ProblemSize, jpegOnly(ProblemScanHash), rasterOnly(ProblemPixelsHash), ProblemXMP}},
			"the sibling as the picture": {func(t testing.TB, dir string) {
				change(t, dir, pic, func([]byte) []byte { b, err := os.ReadFile(filepath.Join(dir, sib)); require.NoError(t, err); return b })
				hashes(t, dir)
			}, []ProblemCode{jpegOnly(ProblemScanHash), rasterOnly(ProblemPixelsHash), ProblemXMP}},
			"the sibling in another format": {func(t testing.TB, dir string) {
				f := PNG
				if o.Format == PNG {
					f = TIFF
				}
				var b bytes.Buffer
				require.NoError(t, altered.Encode(&b, &ExportOptions{Format: f, Unaltered: true}))
				change(t, dir, sib, func([]byte) []byte { return b.Bytes() })
				hashes(t, dir)
			}, []ProblemCode{ProblemSiblingCoding}},
			"something behind the picture": {func(t testing.TB, dir string) {
				change(t, dir, pic, func(b []byte) []byte { return append(b, "and more"...) })
			}, []ProblemCode{ProblemHash, jpegOnly(ProblemBroken)}},
		} {
			t.Run(fmt.Sprintf("%v %d/%s", o.Format, o.Bits, name), func(t *testing.T) {
				dir := copied(t, clean)
				c.plant(t, dir)
				want := slices.DeleteFunc(c.want, func(c ProblemCode) bool { return c == "" })
				require.Equal(t, want, found(t, dir, "one.report.json"))
			})
		}
	}
	t.Run("a sibling of another quality", func(t *testing.T) {
		dir := delivered(t, altered, ExportOptions{})
		var b bytes.Buffer
		require.NoError(t, altered.Encode(&b, &ExportOptions{Quality: 94, Unaltered: true}))
		change(t, dir, "unaltered/one.jpg", func([]byte) []byte { return b.Bytes() })
		edit(t, dir, func(r *Report) { r.Unaltered.SHA256 = sumOf(t, dir, "unaltered/one.jpg") })
		require.Equal(t, []ProblemCode{ProblemSiblingCoding}, found(t, dir, "one.jpg"))
	})
}

// halved is asShot at half the size.
type halved struct{ asShot }

func (halved) Apply(ctx context.Context, env *Env, w *Work) error {
	m, err := w.Set.Ref().Pixels(ctx, env.Backend)
	if err != nil {
		return err
	}
	defer m.Free()
	s, err := env.NewImage(m.Width()/2, m.Height()/2, 3, m.Format())
	if err != nil {
		return err
	}
	w.SetImage(s)
	return env.Ops.Resize(s, m)
}

// What can be wrong with the report. The file's own copy of it tells, too, where it has the fact.
func TestVerifyFindsWrongReports(t *testing.T) {
	_, p := takenPhoto(t)
	altered := delivered(t, edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary}}}, p, AB723), ExportOptions{})
	plainPNG := delivered(t, edited(t, asShot{}, p, CorrectedOnly), ExportOptions{Format: PNG})
	zero := strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		altered bool
		plant   func(*Report)
		want    []ProblemCode
	}{
		"class lower":      {true, func(r *Report) { r.Class = Corrected }, []ProblemCode{ProblemUntouchedHash, ProblemClass, ProblemXMP}},
		"class higher":     {false, func(r *Report) { r.Class = Altered }, []ProblemCode{ProblemClass, ProblemXMP}},
		"class one higher": {false, func(r *Report) { r.Class = Corrected }, []ProblemCode{ProblemClass, ProblemXMP}},
		"shares moved": {true, func(r *Report) { r.Shares["computed"] -= 0.01; r.Shares["none"] += 0.01 },
			[]ProblemCode{ProblemShares, ProblemXMP}},
		"a share too many": {true, func(r *Report) { r.Shares["tone"] = 0.1 }, []ProblemCode{ProblemShares, ProblemXMP}},
		"a share unknown":  {true, func(r *Report) { r.Shares["paint"] = 0 }, []ProblemCode{ProblemShares, ProblemXMP}},
		"shares of a lesser change": {true, func(r *Report) { r.Shares = map[string]float64{"none": r.Shares["none"], "tone": r.Shares["computed"]} },
			[]ProblemCode{ProblemClass, ProblemSky, ProblemShares, ProblemXMP}},
		"policy that forbids it": {true, func(r *Report) { r.Policy = CorrectedOnly }, []ProblemCode{ProblemPolicy, ProblemXMP}},
		"another policy":         {false, func(r *Report) { r.Policy = Permissive }, []ProblemCode{ProblemXMP}},
		"no rung":                {false, func(r *Report) { r.Rung = "" }, []ProblemCode{ProblemIncomplete, ProblemXMP}},
		"another rung":           {false, func(r *Report) { r.Rung = "4 steps" }, []ProblemCode{ProblemXMP}},
		"a failed gate": {false, func(r *Report) {
			r.Findings = append(r.Findings, Finding{Check: "qc_structure", Severity: Failure, Message: "not the same scene"})
		}, []ProblemCode{ProblemGate, ProblemXMP}},
		"a leak in the numbers":   {true, func(r *Report) { r.Measures["qc_leak_pixels"] = 1 }, []ProblemCode{ProblemGate, ProblemXMP}},
		"another sky":             {true, func(r *Report) { r.Sky = &SkyFacts{Source: SkyPhysical} }, []ProblemCode{ProblemXMP}},
		"no sky":                  {true, func(r *Report) { r.Sky = nil }, []ProblemCode{ProblemXMP}},
		"a sky of no kind":        {true, func(r *Report) { r.Sky.Source = "paint" }, []ProblemCode{ProblemSky, ProblemXMP}},
		"a sky without hash":      {true, func(r *Report) { r.Sky.SHA256 = "" }, []ProblemCode{ProblemIncomplete, ProblemXMP}},
		"file hash":               {false, func(r *Report) { r.Output.SHA256 = zero }, []ProblemCode{ProblemHash}},
		"no file hash":            {false, func(r *Report) { r.Output.SHA256 = "" }, []ProblemCode{ProblemIncomplete, ProblemHash}},
		"pixels hash":             {false, func(r *Report) { r.Output.PixelsSHA256 = zero }, []ProblemCode{ProblemUntouchedHash, ProblemPixelsHash}},
		"both pixels hashes":      {false, func(r *Report) { r.Output.PixelsSHA256, r.Output.UntouchedSHA256 = zero, zero }, []ProblemCode{ProblemPixelsHash}},
		"scan hash":               {true, func(r *Report) { r.Output.ScanSHA256 = zero }, []ProblemCode{ProblemScanHash}},
		"no scan hash":            {true, func(r *Report) { r.Output.ScanSHA256 = "" }, []ProblemCode{ProblemFormat, ProblemScanHash}},
		"units hash":              {true, func(r *Report) { r.Output.UnitsSHA256 = zero }, []ProblemCode{ProblemUnitsHash}},
		"no units hash":           {true, func(r *Report) { r.Output.UnitsSHA256 = "" }, []ProblemCode{ProblemUnitsHash}},
		"sibling hash":            {true, func(r *Report) { r.Unaltered.SHA256 = zero }, []ProblemCode{ProblemHash}},
		"map hash":                {true, func(r *Report) { r.Changes.SHA256 = zero }, []ProblemCode{ProblemHash}},
		"width":                   {false, func(r *Report) { r.Output.Width++ }, []ProblemCode{ProblemSize, ProblemMap}},
		"no size":                 {false, func(r *Report) { r.Output.Width = 0 }, []ProblemCode{ProblemIncomplete, ProblemSize}},
		"a size beyond any":       {false, func(r *Report) { r.Output.Width, r.Output.Height = 1<<40, 1<<40 }, []ProblemCode{ProblemIncomplete, ProblemSize}},
		"a size beyond the limit": {false, func(r *Report) { r.Output.Width, r.Output.Height = 60000, 60000 }, []ProblemCode{ProblemSize, ProblemMap}},
		"another format":          {false, func(r *Report) { r.Output.Format = "tiff" }, []ProblemCode{ProblemFormat}},
		"other bits":              {false, func(r *Report) { r.Output.Bits = 16 }, []ProblemCode{ProblemFormat}},
		"a quality of no JPEG":    {false, func(r *Report) { r.Output.Quality = 95 }, []ProblemCode{ProblemFormat}},
		"another quality":         {true, func(r *Report) { r.Output.Quality = 94 }, []ProblemCode{ProblemFormat}},
		"no quality":              {true, func(r *Report) { r.Output.Quality = 0 }, []ProblemCode{ProblemFormat}},
		"no positions":            {true, func(r *Report) { r.Output.NoGPS = true }, []ProblemCode{ProblemMetadata}},
		"a namesake elsewhere":    {false, func(r *Report) { r.Output.File = "x/one.png" }, []ProblemCode{ProblemMissing}},
		"another file":            {false, func(r *Report) { r.Output.File = "two.png" }, []ProblemCode{ProblemMissing}},
		"a file elsewhere":        {false, func(r *Report) { r.Output.File = "../one.png" }, []ProblemCode{ProblemIncomplete}},
		"a sibling of no altered": {false, func(r *Report) { r.Unaltered = &FileFacts{"one.png", r.Output.SHA256} }, []ProblemCode{ProblemClass}},
		"no output":               {false, func(r *Report) { r.Output = nil }, []ProblemCode{ProblemIncomplete}},
		"no input":                {false, func(r *Report) { r.Inputs = nil }, []ProblemCode{ProblemIncomplete, ProblemXMP}},
		"input hash":              {false, func(r *Report) { r.Inputs[0].SHA256 = zero }, []ProblemCode{ProblemXMP}},
		"an input more":           {false, func(r *Report) { r.Inputs = append(r.Inputs, InputFacts{Name: "x", SHA256: zero, Used: true}) }, []ProblemCode{ProblemXMP}},
		"another stage":           {false, func(r *Report) { r.Stages[0].Name = "paint" }, []ProblemCode{ProblemXMP}},
		"other options":           {true, func(r *Report) { r.Stages[1].Options = map[string]int{"Source": 1} }, []ProblemCode{ProblemXMP}},
		"no stages":               {true, func(r *Report) { r.Stages = []StageFacts{} }, []ProblemCode{ProblemXMP}},
		"seed":                    {false, func(r *Report) { r.Seed = 1 << 60 }, []ProblemCode{ProblemXMP}},
		"measures":                {false, func(r *Report) { r.Measures["key"] = 0.3 }, []ProblemCode{ProblemXMP}},
		"version":                 {false, func(r *Report) { r.Version = 2 }, []ProblemCode{ProblemVersion}},
		"where it was done": {false, func(r *Report) {
			r.Stages[0].Seconds, r.Stages[0].Backend = 9, "cuda:3"
			r.Findings = append(r.Findings, Finding{Check: CheckBackendLost, Severity: Warning, Message: "x"})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := plainPNG
			if c.altered {
				dir = altered
			}
			dir = copied(t, dir)
			edit(t, dir, c.plant)
			require.Equal(t, c.want, found(t, dir, "one.report.json"))
		})
	}
	for name, text := range map[string]string{"empty": "", "text": "call the agent", "half": `{"version": 1, "set": `, "list": "[1]", "no version": "{}", "null": "null",
		"wrong type": `{"version": 1, "set": 7}`, "wrong policy": `{"version": 1, "policy": "none"}`, "more behind": `{"version": 1}{}`} {
		dir := copied(t, plainPNG)
		change(t, dir, "one.report.json", func([]byte) []byte { return []byte(text) })
		require.Equal(t, []ProblemCode{ProblemReport}, found(t, dir, "one.png"), name)
	}
	dir := copied(t, plainPNG)
	change(t, dir, "one.report.json", func([]byte) []byte { return []byte(`{"version": 1}`) })
	require.Equal(t, []ProblemCode{ProblemIncomplete, ProblemNoMap}, found(t, dir, "one.png"))
	// Keys are told apart by case, which readers of JSON may not do: a second name of a stage is no name of it.
	dir = copied(t, plainPNG)
	change(t, dir, "one.report.json", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"seconds":`), []byte(`"Name":"paint","seconds":`), 1)
	})
	require.Equal(t, []ProblemCode{ProblemXMP}, found(t, dir, "one.png"))
	// A true picture of the same name elsewhere does not vouch for the one that is asked about.
	dir = copied(t, plainPNG)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "x"), 0o777))
	require.NoError(t, os.Rename(filepath.Join(dir, "one.png"), filepath.Join(dir, "x", "one.png")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "one.png"), []byte("paint"), 0o666))
	edit(t, dir, func(r *Report) { r.Output.File = "x/one.png" })
	require.Equal(t, []ProblemCode{ProblemOtherFile}, found(t, dir, "one.png"))
	// A report that stands beside another picture.
	dir = copied(t, plainPNG)
	require.NoError(t, os.Rename(filepath.Join(dir, "one.report.json"), filepath.Join(dir, "two.report.json")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "two.png"), nil, 0o666))
	require.Equal(t, []ProblemCode{ProblemOtherFile}, found(t, dir, "two.png"))
}

// A bit flipped anywhere in any of the files is found.
func TestVerifyFindsAFlippedBit(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary}}}, p, AB723)
	rng := rand.New(rand.NewPCG(3, 3))
	for _, o := range []ExportOptions{{}, {Format: PNG}, {Format: TIFF, Bits: 8}} {
		dir := delivered(t, r, o)
		for _, name := range []string{"one" + o.Format.Ext(), "unaltered/one" + o.Format.Ext(), "one.changes.png"} {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			for range 12 {
				b := bytes.Clone(data)
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
				require.NoError(t, os.WriteFile(path, b, 0o666))
				require.Contains(t, found(t, dir, "one.report.json"), ProblemHash)
			}
			require.NoError(t, os.WriteFile(path, data, 0o666))
		}
		require.Empty(t, found(t, dir, "one.report.json"))
	}
	// Where it is says what it broke.
	dir := delivered(t, r, ExportOptions{})
	data, err := os.ReadFile(filepath.Join(dir, "one.jpg"))
	require.NoError(t, err)
	at := func(mark string, more int) int { return bytes.LastIndex(data, []byte(mark)) + more } // the thumbnail is in front
	for name, c := range map[string]struct {
		at   int
		want []ProblemCode
	}{
		"the scan":        {len(data) - 300, []ProblemCode{ProblemHash, ProblemScanHash}},
		"a quantisation":  {at("\xff\xdb", 20), []ProblemCode{ProblemHash, ProblemScanHash, ProblemSiblingCoding, ProblemUnitsHash}},
		"the class":       {at("<realedit:Class>", 18), []ProblemCode{ProblemHash, ProblemXMP}},
		"the source type": {at("digitalsourcetype/", 18), []ProblemCode{ProblemHash, ProblemXMP}},
		"the disclosure":  {at("<realedit:Disclosure>", 25), []ProblemCode{ProblemHash, ProblemXMP}},
		"the profile":     {at("ICC_PROFILE\x00", 200), []ProblemCode{ProblemHash, ProblemMetadata}},
	} {
		b := bytes.Clone(data)
		b[c.at] ^= 2
		require.NoError(t, os.WriteFile(filepath.Join(dir, "one.jpg"), b, 0o666))
		require.Subset(t, found(t, dir, "one.jpg"), c.want, name)
	}
}

func TestVerifyLooksForInputs(t *testing.T) {
	path, p := takenPhoto(t)
	r := edited(t, asShot{}, p, CorrectedOnly)
	dir := delivered(t, r, ExportOptions{})
	check := func(inputs fs.FS) []Problem {
		v, err := Verify(context.Background(), os.DirFS(dir), "one.jpg", &VerifyOptions{Inputs: inputs})
		require.NoError(t, err)
		return v.Problems
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	name := filepath.Base(path)
	file := func(b []byte) *fstest.MapFile { return &fstest.MapFile{Data: b, Mode: 0o666} }
	require.Empty(t, check(fstest.MapFS{"deep/down/" + name: file(data)}))
	require.Empty(t, check(fstest.MapFS{"a/" + name: file(nil), "b/" + name: file(data)}), "one of that name is the one")
	require.Equal(t, ProblemInput, check(fstest.MapFS{"other.jpg": file(data)})[0].Code)
	problems := check(fstest.MapFS{name: file(data[1:])})
	require.Len(t, problems, 1)
	require.Equal(t, ProblemInputHash, problems[0].Code)
}

func TestVerifyWhatCannotBeChecked(t *testing.T) {
	_, p := takenPhoto(t)
	dir := delivered(t, edited(t, asShot{}, p, CorrectedOnly), ExportOptions{})
	verify := func(ctx context.Context, name string, o *VerifyOptions) error {
		_, err := Verify(ctx, os.DirFS(dir), name, o)
		return err
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	require.Equal(t, CodeCancelled, CodeOf(verify(cancelled, "one.jpg", nil)))
	require.Equal(t, CodeBadOption, CodeOf(verify(context.Background(), "../one.jpg", nil)))
	require.Equal(t, CodeBadOption, CodeOf(verify(context.Background(), "one.jpg", &VerifyOptions{MaxBytes: -1})))
	require.Equal(t, CodeUnreadable, CodeOf(verify(context.Background(), "two.jpg", nil)))
	require.Equal(t, CodeUnreadable, CodeOf(verify(context.Background(), "two.report.json", nil)))
	require.Equal(t, CodeUnreadable, CodeOf(verify(context.Background(), "one.changes.png", nil)), "it has no report")
}

// Other people's broken files in the picture's place: a code, never a panic.
func TestVerifyMalformedFiles(t *testing.T) {
	photos := phototest.Dir(t)
	_, p := takenPhoto(t)
	dir := delivered(t, edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyLibrary}}}, p, AB723), ExportOptions{})
	n := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(photos, "malformed"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		for _, name := range []string{"one.jpg", []string{"unaltered/one.jpg", "one.changes.png", "one.report.json"}[n%3]} {
			bad := copied(t, dir)
			change(t, bad, name, func([]byte) []byte { return data })
			v, err := Verify(context.Background(), os.DirFS(bad), "one.jpg", nil)
			require.NoError(t, err, path)
			require.False(t, v.True(), path)
			want := ProblemHash
			if name == "one.report.json" {
				want = ProblemReport
			}
			require.Equal(t, want, v.Problems[0].Code, path)
			require.NoError(t, os.RemoveAll(bad))
		}
		return nil
	}))
	require.Greater(t, n, 100)
}

// A reduced map proves class and shares within its limits: not less than a pixel for each of its pixels, not more than their blocks.
func TestReducedMaps(t *testing.T) {
	const w, h = 4500, 3001
	changes, err := NewAlterationMap(w, h)
	require.NoError(t, err)
	changes.MarkAll(ChangeTone)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		x, y := rng.IntN(w-9), rng.IntN(h)
		for i := range 1 + rng.IntN(9) {
			changes.Map.RowU8(y)[x+i] = uint8(ChangeFrame)
		}
	}
	r := &Result{Changes: changes, Report: &Report{Class: Corrected, Shares: changes.Shares()}}
	var b bytes.Buffer
	require.NoError(t, r.EncodeChanges(&b))
	m, reduced, err := decodeChanges(b.Bytes(), w, h, false)
	require.NoError(t, err)
	require.True(t, reduced)
	require.Equal(t, image.Rect(0, 0, 2048, 1366), m.Map.Bounds())
	require.Equal(t, ChangeFrame, m.Strongest())
	check := func(shares map[string]float64) int {
		v := &verifier{r: &Report{Shares: shares, Output: &OutputFacts{Width: w, Height: h}}, out: &Verification{}}
		v.reducedShares(m)
		return len(v.out.Problems)
	}
	require.Zero(t, check(r.Report.Shares))
	s := r.Report.Shares["other_frame"]
	require.Zero(t, check(map[string]float64{"tone": 1 - 1.2*s, "other_frame": 1.2 * s}), "this much it cannot tell")
	for _, wrong := range []float64{0, s / 5, 6 * s, 1} {
		require.Positive(t, check(map[string]float64{"tone": 1 - wrong, "other_frame": wrong}), "%v instead of %v", wrong, s)
	}
	_, _, err = decodeChanges(b.Bytes(), w, h, true)
	require.Equal(t, CodeBadImage, CodeOf(err), "an altered picture's has to be whole")
	r.Report.Class = Altered
	b.Reset()
	require.NoError(t, r.EncodeChanges(&b))
	m, reduced, err = decodeChanges(b.Bytes(), w, h, true)
	require.NoError(t, err)
	require.False(t, reduced)
	for y := range h {
		require.Equal(t, changes.Map.RowU8(y), m.Map.RowU8(y))
	}
}

// exiftool reads what is written about a picture's source and its disclosure; the owner's own words stay.
func TestDisclosureInMetadata(t *testing.T) {
	path, _ := takenPhoto(t)
	// The photo gets words of its owner.
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	b, _ := container.ReadBlocks(readerAt(data), int64(len(data)))
	b.XMP, err = xmp.Merge(b.XMP, xmp.Edit{Set: []xmp.Prop{
		{Name: xmp.Name{Space: xmp.NSDC, Local: "description"}, Prefix: "dc", Kind: xmp.Bag, Values: []string{"Our house"}},
		xmp.Text(xmp.NSPhotoshop, "photoshop", "Instructions", "Call first"),
	}})
	require.NoError(t, err)
	var out bytes.Buffer
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	jpeg, _ := container.NewJPEGWriter(&out, &b)
	_, err = io.Copy(jpeg, f)
	require.NoError(t, err)
	require.NoError(t, jpeg.Close())
	p, err := Decode(&out, nil)
	require.NoError(t, err)
	p.Name = "one.jpg"

	for _, c := range []struct {
		list       []Stage
		policy     Policy
		source     string
		disclosure any
	}{
		{[]Stage{asShot{}}, AB723, "digitalCapture", nil},
		{[]Stage{asShot{}, skied{Source: SkyLibrary}}, AB723, "compositeCapture", Disclosure},
		{[]Stage{asShot{}, skied{Source: SkyPhysical}}, MLSStrict, "composite", Disclosure},
		{[]Stage{asShot{}, skied{Source: SkyPhysical}}, Permissive, "composite", nil},
		{[]Stage{asShot{}, synthesised{}}, AB723, "compositeWithTrainedAlgorithmicMedia", Disclosure},
	} {
		r := edited(t, stages{list: c.list}, p, c.policy)
		var pictures, siblings []string
		for _, o := range exports[:4] {
			dir := delivered(t, r, o)
			require.Empty(t, found(t, dir, "one"+o.Format.Ext()))
			pictures = append(pictures, filepath.Join(dir, "one"+o.Format.Ext()))
			if r.Unaltered != nil && c.policy.NeedsSibling() {
				siblings = append(siblings, filepath.Join(dir, "unaltered", "one"+o.Format.Ext()))
			}
		}
		for i, tags := range exiftool(t, append(pictures, siblings...)...) {
			require.Nil(t, tags["ExifTool:Error"])
			if i >= len(pictures) {
				require.Equal(t, "unaltered", tags["XMP-realedit:Class"])
				require.Nil(t, tags["XMP-realedit:Disclosure"])
				require.Contains(t, tags["XMP-iptcExt:DigitalSourceType"], "digitalCapture")
				continue
			}
			require.Equal(t, "http://cv.iptc.org/newscodes/digitalsourcetype/"+c.source, tags["XMP-iptcExt:DigitalSourceType"], "%v", exports[i])
			require.Equal(t, c.disclosure, tags["XMP-realedit:Disclosure"])
			require.Equal(t, r.Report.Class.String(), tags["XMP-realedit:Class"])
			require.Equal(t, "Our house", tags["XMP-dc:Description"])
			require.Equal(t, "Call first", tags["XMP-photoshop:Instructions"])
		}
	}
}

// synthesised is a stage whose pixels a model made up.
type synthesised struct{}

func (synthesised) Name() string   { return "diffuse.inpaint" }
func (synthesised) Alters() Change { return ChangeSynthesised }
func (synthesised) Apply(ctx context.Context, env *Env, w *Work) error {
	if err := (skied{Source: SkyModel}).Apply(ctx, env, w); err != nil {
		return err
	}
	w.Changes.Map.RowU8(0)[0] = uint8(ChangeSynthesised)
	return nil
}

// What is made of a composite stays one.
func TestSourceTypeOfThePhotoStays(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyPhysical}}}, p, Permissive)
	var b bytes.Buffer
	require.NoError(t, r.Encode(&b, nil))
	q, err := Decode(&b, nil)
	require.NoError(t, err)
	require.Equal(t, "composite", q.Facts.SourceType)
	q.Name = "one.jpg"
	again := edited(t, asShot{}, q, CorrectedOnly)
	require.Equal(t, "composite", again.Report.Inputs[0].SourceType)
	dir := delivered(t, again, ExportOptions{Format: PNG})
	require.Empty(t, found(t, dir, "one.png"))
	o, err := Open(filepath.Join(dir, "one.png"), nil)
	require.NoError(t, err)
	require.Equal(t, "composite", o.Facts.SourceType)
	require.Empty(t, p.Facts.SourceType)
}

// docs/report.md lists the problems as verify_problems.go declares them.
func TestProblemsAreDocumented(t *testing.T) {
	src, err := os.ReadFile("verify_problems.go")
	require.NoError(t, err)
	doc, err := os.ReadFile(filepath.Join("docs", "report.md"))
	require.NoError(t, err)
	n := 0
	for _, line := range strings.Split(string(src), "\n") {
		if _, rest, ok := strings.Cut(line, `ProblemCode = "`); ok {
			code, comment, _ := strings.Cut(rest, `"`)
			_, comment, _ = strings.Cut(comment, "// ")
			require.Contains(t, string(doc), "| `"+code+"` | "+comment)
			n++
		}
	}
	require.Greater(t, n, 20)
}

// Other people's photographs with all kinds of metadata: what is written about them is true in every format.
func TestVerifyPhotographs(t *testing.T) {
	if testing.Short() {
		t.Skip("exports dozens of photographs")
	}
	names, err := filepath.Glob(filepath.Join(phototest.Dir(t), "metadata", "*", "*"))
	require.NoError(t, err)
	n := 0
	for i, name := range names {
		p, err := Open(name, nil)
		if err != nil || p.Facts.Bits != 8 || p.Facts.Width*p.Facts.Height > 3e6 || p.Facts.Height < 80 {
			continue
		}
		n++
		r := edited(t, stages{list: []Stage{asShot{}, skied{Source: SkyPhysical}}}, p, AB723)
		for _, o := range []ExportOptions{{}, exports[1+i%4]} {
			dir := delivered(t, r, o)
			v, err := Verify(context.Background(), os.DirFS(dir), "one.report.json", nil)
			require.NoError(t, err)
			require.Empty(t, v.Problems, "%s, %v", name, o)
			require.NoError(t, os.RemoveAll(dir))
		}
	}
	require.Greater(t, n, 10)
}

// Whatever a report says: problems, never a panic nor endless work.
func FuzzVerifyReport(f *testing.F) {
	for _, altered := range []bool{false, true} {
		list := []Stage{asShot{}}
		if altered {
			list = append(list, skied{Source: SkyLibrary})
		}
		p, err := Decode(bytes.NewReader(shotBytes(f)), nil)
		require.NoError(f, err)
		p.Name = "one.jpg"
		e, err := New(Config{Policy: AB723})
		require.NoError(f, err)
		r, err := e.Process(context.Background(), stages{list: list}, Set{ID: "one", Photos: []*Photo{p}, Reason: ReasonSingle, Confidence: 1})
		require.NoError(f, err)
		dir := delivered(f, r, ExportOptions{Format: PNG})
		files := fstest.MapFS{}
		require.NoError(f, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(filepath.Join(dir, name))
			files[name] = &fstest.MapFile{Data: data, Mode: 0o666}
			return err
		}))
		if f.Add(files["one.report.json"].Data); !altered {
			continue
		}
		f.Fuzz(func(t *testing.T, report []byte) {
			all := fstest.MapFS{}
			for k, v := range files {
				all[k] = v
			}
			all["one.report.json"] = &fstest.MapFile{Data: report, Mode: 0o666}
			_, err := Verify(context.Background(), all, "one.png", nil)
			require.NoError(t, err)
		})
	}
}
