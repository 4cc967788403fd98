package realedit

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/tiff"

	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// asShot is a stage that hands the photo on unchanged.
type asShot struct{}

func (asShot) Name() string { return "as-shot" }
func (asShot) Apply(ctx context.Context, env *Env, w *Work) error {
	m, err := w.Set.Ref().Pixels(ctx, env.Backend)
	if err != nil {
		return err
	}
	w.SetImage(m)
	return nil
}

// painted replaces a corner by computed pixels: an altered picture.
type painted struct{}

func (painted) Name() string   { return "painted" }
func (painted) Alters() Change { return ChangeComputed }
func (painted) Apply(ctx context.Context, env *Env, w *Work) error {
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
		clear(mask.RowU8(y))
		if y < 40 {
			for x := range 40 {
				mask.RowU8(y)[x] = 255
				copy(m.RowU8(y)[3*x:], []uint8{30, 90, 200})
			}
		}
	}
	w.Unaltered = w.Image
	w.SetImage(m)
	if w.Changes, err = NewAlterationMap(m.Width(), m.Height()); err != nil {
		return err
	}
	return w.Changes.Mark(mask, ChangeComputed)
}

type stages struct {
	asShot
	list []Stage
}

func (s stages) Stages() []Stage { return s.list }

var evenWall = sync.OnceValue(func() *scene.Bracket {
	return scene.EvenWall(scene.EvenWallOptions{W: 330, H: 250}).Bracket(scene.BracketOptions{EVs: []float64{0}, Orientation: 6, GPS: true})
})

// shotBytes is that photo's file.
func shotBytes(t testing.TB) []byte {
	path := filepath.Join(t.TempDir(), "one.jpg")
	require.NoError(t, scene.WriteJPEG(path, &evenWall().Photos[0], 92))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// takenPhoto is a rendered photo with EXIF, orientation 6, as a file.
func takenPhoto(t *testing.T) (path string, photo *Photo) {
	t.Helper()
	b := evenWall()
	path = filepath.Join(t.TempDir(), b.Photos[0].EXIF.FileName())
	require.NoError(t, scene.WriteJPEG(path, &b.Photos[0], 92))
	photo, err := Open(path, nil)
	require.NoError(t, err)
	return path, photo
}

func edited(t *testing.T, s Stage, p *Photo, policy Policy) *Result {
	t.Helper()
	e, err := New(Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: policy})
	require.NoError(t, err)
	r, err := e.Process(context.Background(), s, Set{ID: "one", Photos: []*Photo{p}, Reason: ReasonSingle, Confidence: 1})
	require.NoError(t, err)
	t.Cleanup(r.Free)
	return r
}

func TestEncodeKeepsPixels(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, asShot{}, p, CorrectedOnly)
	require.Equal(t, Unaltered, r.Report.Class)
	for _, o := range []ExportOptions{{Format: PNG}, {Format: PNG, Bits: 16}, {Format: TIFF}, {Format: TIFF, Bits: 8}} {
		var b bytes.Buffer
		require.NoError(t, r.Encode(&b, &o))
		m, err := png.Decode(bytes.NewReader(b.Bytes()))
		if o.Format == TIFF {
			m, err = tiff.Decode(bytes.NewReader(b.Bytes()))
		}
		require.NoError(t, err)
		require.Equal(t, r.Image.Bounds(), m.Bounds())
		for y := range m.Bounds().Dy() {
			for x := range m.Bounds().Dx() {
				cr, cg, cb, _ := m.At(x, y).RGBA()
				row := r.Image.RowU8(y)[3*x : 3*x+3]
				require.Equal(t, [3]uint32{uint32(row[0]), uint32(row[1]), uint32(row[2])}, [3]uint32{cr >> 8, cg >> 8, cb >> 8})
			}
		}
		require.Len(t, r.Report.Output.PixelsSHA256, 64)
		require.Equal(t, r.Report.Output.PixelsSHA256, r.Report.Output.UntouchedSHA256)
	}
}

// The stitched bands are, coefficient for coefficient, what one encoder writes.
func TestJPEGBandsAreOnePicture(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []image.Point{{1, 1}, {17, 5}, {640, 128}, {333, 129}, {200, 700}} {
		m, err := kernels.NewHostImage(nil, size.X, size.Y, 3, kernels.U8)
		require.NoError(t, err)
		for y := range size.Y {
			for i := range m.RowU8(y) {
				m.RowU8(y)[i] = uint8(128 + 90*((i/3/9+y/7)%2) - rng.IntN(40))
			}
		}
		var ours, std bytes.Buffer
		_, err = encodeJPEG(&ours, m, 90, nil)
		require.NoError(t, err)
		require.NoError(t, jpeg.Encode(&std, bandRGBA(m, 0, size.Y), &jpeg.Options{Quality: 90}))
		a, err := jpeg.Decode(&ours)
		require.NoError(t, err)
		b, err := jpeg.Decode(&std)
		require.NoError(t, err)
		require.Equal(t, b, a)
		m.Free()
	}
}

func TestUnalteredSiblingSharesCoefficients(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, stages{list: []Stage{asShot{}, painted{}}}, p, AB723)
	require.Equal(t, Altered, r.Report.Class)
	require.NotNil(t, r.Unaltered)
	require.InDelta(t, 1600.0/(float64(r.Image.Width()*r.Image.Height())), r.Report.Shares["computed"], 1e-9)
	var a, b bytes.Buffer
	require.NoError(t, r.Encode(&a, nil))
	require.NotEqual(t, r.Report.Output.PixelsSHA256, r.Report.Output.UntouchedSHA256)
	require.NoError(t, r.Encode(&b, &ExportOptions{Unaltered: true}))
	ma, err := jpeg.Decode(&a)
	require.NoError(t, err)
	mb, err := jpeg.Decode(&b)
	require.NoError(t, err)
	ya, yb := ma.(*image.YCbCr), mb.(*image.YCbCr)
	for y := range ya.Rect.Dy() {
		for x := range ya.Rect.Dx() {
			if x >= 48 || y >= 48 { // units that no painted pixel touches
				require.Equal(t, yb.YCbCrAt(x, y), ya.YCbCrAt(x, y), "at %d,%d", x, y)
			}
		}
	}
	require.NotEqual(t, yb.YCbCrAt(5, 5), ya.YCbCrAt(5, 5))
}

func TestRefusedStageIsAFinding(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, stages{list: []Stage{asShot{}, painted{}}}, p, CorrectedOnly)
	require.Equal(t, Unaltered, r.Report.Class)
	require.Len(t, r.Report.Findings, 1)
	require.Equal(t, string(CodePolicyRefused), r.Report.Findings[0].Check)
	require.Error(t, r.Encode(io.Discard, &ExportOptions{Unaltered: true}))
}

// exiftool's view of files, of each by group and tag. It takes a third of a second to start.
func exiftool(t *testing.T, paths ...string) (tags []map[string]any) {
	t.Helper()
	if _, err := exec.LookPath("exiftool"); err != nil {
		if strings.Contains(os.Getenv("REALEDIT_REQUIRE"), "exiftool") {
			t.Fatal("exiftool is required and not installed")
		}
		t.Skip("exiftool is not installed")
	}
	out, err := exec.Command("exiftool", append([]string{"-j", "-G1", "-a", "-u", "-n"}, paths...)...).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &tags))
	require.Len(t, tags, len(paths))
	return tags
}

func TestEncodeKeepsMetadata(t *testing.T) {
	path, p := takenPhoto(t)
	before := exiftool(t, path)[0]
	r := edited(t, asShot{}, p, CorrectedOnly)
	for _, f := range []FileFormat{JPEG, PNG, TIFF} {
		name := filepath.Join(t.TempDir(), "out"+f.Ext())
		file, err := os.Create(name)
		require.NoError(t, err)
		require.NoError(t, r.Encode(file, &ExportOptions{Format: f}))
		require.NoError(t, file.Close())
		after := exiftool(t, name)[0]
		for tag, v := range before {
			group, _, _ := strings.Cut(tag, ":")
			if group != "ExifIFD" && group != "GPS" && group != "IFD0" || f == TIFF && strings.HasPrefix(tag, "IFD0:YCbCr") || strings.HasSuffix(tag, "Orientation") ||
				strings.HasSuffix(tag, "ExifImageWidth") || strings.HasSuffix(tag, "ExifImageHeight") {
				continue
			}
			require.Equal(t, v, after[tag], "%v: %s", f, tag)
		}
		require.EqualValues(t, 1, after["IFD0:Orientation"])
		require.EqualValues(t, r.Image.Width(), after["ExifIFD:ExifImageWidth"])
		require.Contains(t, after["XMP-iptcExt:DigitalSourceType"], "digitalCapture")
		require.Nil(t, after["ExifTool:Error"])

		again, err := Open(name, nil)
		require.NoError(t, err)
		require.Empty(t, again.Warnings)
		require.Equal(t, p.Facts.Start, again.Facts.Start)
		require.Equal(t, r.Image.Width(), again.Facts.Width)
	}
	var stripped bytes.Buffer
	require.NoError(t, r.Encode(&stripped, &ExportOptions{NoGPS: true}))
	q, err := Decode(&stripped, nil)
	require.NoError(t, err)
	require.False(t, q.Facts.HasGPS)
	require.True(t, p.Facts.HasGPS)
}

// A disk that is full is told as such, however the writer wraps it.
func TestFullDisk(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, asShot{}, p, CorrectedOnly)
	for _, f := range []FileFormat{JPEG, PNG, TIFF} {
		err := r.Encode(&fullDisk{room: 3000}, &ExportOptions{Format: f})
		require.Equal(t, CodeDiskFull, CodeOf(err), "%v: %v", f, err)
	}
}

type fullDisk struct{ room int }

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.room -= len(b); d.room < 0 {
		return 0, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	return len(b), nil
}

func TestExportOptionsAreChecked(t *testing.T) {
	_, p := takenPhoto(t)
	r := edited(t, asShot{}, p, CorrectedOnly)
	for _, o := range []ExportOptions{{Quality: 101}, {Quality: -1}, {Bits: 12}, {Bits: 16}, {Format: 9}} {
		require.Equal(t, CodeBadOption, CodeOf(r.Encode(io.Discard, &o)), "%+v", o)
	}
}

func TestPanickingStageIsAnError(t *testing.T) {
	_, p := takenPhoto(t)
	e, err := New(Config{})
	require.NoError(t, err)
	_, err = e.Process(context.Background(), broken{}, Set{ID: "one", Photos: []*Photo{p}})
	require.Equal(t, CodeInternal, CodeOf(err))
	require.Contains(t, err.Error(), "one")
}

type broken struct{ asShot }

func (broken) Apply(context.Context, *Env, *Work) error { panic("a host's defect") }
