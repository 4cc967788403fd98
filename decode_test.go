package realedit

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
)

// picture is a small photograph-like test picture.
func picture(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(40 + 150*x/w), uint8(30 + 180*y/h), uint8(60 + 100*(x+y)/(w+h)), 255})
		}
	}
	return m
}

func encoded(t testing.TB, format string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 95})
	case "png":
		err = png.Encode(&b, m)
	case "tiff":
		err = tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
	case "tiff-raw":
		err = tiff.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pixels(t testing.TB, p *Photo) *kernels.Image {
	t.Helper()
	m, err := p.Pixels(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	if m.Channels() != 3 || m.Width() != p.Facts.Width || m.Height() != p.Facts.Height || 8*m.Format().Size() != p.Facts.Bits {
		t.Fatalf("pixels are %v, facts say %d×%d of %d bits", m, p.Facts.Width, p.Facts.Height, p.Facts.Bits)
	}
	return m
}

func TestDecodeFormats(t *testing.T) {
	want := picture(67, 45)
	grey := image.NewGray16(want.Rect)
	deep := image.NewNRGBA64(want.Rect)
	clear := image.NewNRGBA(want.Rect)
	for y := range 45 {
		for x := range 67 {
			c := want.NRGBAAt(x, y)
			grey.SetGray16(x, y, color.Gray16{uint16(c.R) * 257})
			deep.SetNRGBA64(x, y, color.NRGBA64{uint16(c.R)*257 + 5, uint16(c.G) * 257, uint16(c.B) * 257, 65535})
			clear.SetNRGBA(x, y, color.NRGBA{c.R, c.G, c.B, uint8(3 * x)})
		}
	}
	for _, c := range []struct {
		name, format string
		m            image.Image
		bits         int
		tolerance    float64
	}{
		{"jpeg", "jpeg", want, 8, 6}, {"png 8", "png", want, 8, 0}, {"png 16", "png", deep, 16, 0}, {"png grey 16", "png", grey, 16, 0},
		{"png alpha", "png", clear, 8, 0.51}, {"tiff 8", "tiff", want, 8, 0}, {"tiff 16", "tiff", deep, 16, 0}, {"tiff raw", "tiff-raw", want, 8, 0}, {"tiff grey 16", "tiff-raw", grey, 16, 0},
	} {
		p, err := Decode(bytes.NewReader(encoded(t, c.format, c.m)), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.Facts.Bits != c.bits || p.Codec == "" || p.SHA256 == [32]byte{} || p.Size == 0 {
			t.Errorf("%s: %+v", c.name, p.Facts)
		}
		m := pixels(t, p)
		var worst float64
		for y := range 45 {
			for x := range 67 {
				n := color.NRGBA64Model.Convert(c.m.At(x, y)).(color.NRGBA64)
				for k, v := range []uint16{n.R, n.G, n.B} {
					exact := (float64(v)*float64(n.A) + 65535*(65535-float64(n.A))) / 65535 / 65535
					got := 0.0
					if c.bits == 16 {
						got = float64(m.RowU16(y)[3*x+k]) / 65535
					} else {
						got = float64(m.RowU8(y)[3*x+k]) / 255
					}
					worst = max(worst, 255*math.Abs(got-exact))
				}
			}
		}
		if worst > c.tolerance+1e-9 {
			t.Errorf("%s: off by %.3f levels", c.name, worst)
		}
		if strings.Contains(c.name, "alpha") != (len(p.Warnings) > 0) {
			t.Errorf("%s: warnings %v", c.name, p.Warnings)
		}
	}
}

// TestDecodeSubsampling: every chroma layout that image/jpeg knows, at odd sizes.
func TestDecodeSubsampling(t *testing.T) {
	host, err := sharedHost()
	if err != nil {
		t.Fatal(err)
	}
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		for _, size := range []image.Point{{1, 1}, {2, 3}, {5, 4}, {33, 17}, {64, 48}} {
			m := image.NewYCbCr(image.Rect(0, 0, size.X+16, size.Y+16), ratio).SubImage(image.Rect(0, 0, size.X, size.Y)).(*image.YCbCr)
			for i := range m.Y {
				m.Y[i] = 90
			}
			for i := range m.Cb {
				m.Cb[i], m.Cr[i] = 100, 170
			}
			r := raster{backend: host, ops: kernels.Complete(host, nil)}
			dst, _ := host.NewImage(size.X, size.Y, 3, kernels.U8)
			if err := r.planes(dst, m); err != nil {
				t.Fatalf("%v %v: %v", ratio, size, err)
			}
			R, G, B := color.YCbCrToRGB(90, 100, 170)
			for y := range size.Y {
				for x := range size.X {
					got := dst.RowU8(y)[3*x : 3*x+3]
					for k, v := range []uint8{R, G, B} {
						if abs(int(got[k])-int(v)) > 1 {
							t.Fatalf("%v %v at %d,%d: %v, want %v", ratio, size, x, y, got, []uint8{R, G, B})
						}
					}
				}
			}
			dst.Free()
		}
	}
}

// TestUpright: each orientation undone once more by its inverse gives the picture back, and pixel (0,0) goes where EXIF says.
func TestUpright(t *testing.T) {
	host, err := sharedHost()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		for _, size := range []image.Point{{1, 1}, {3, 2}, {130, 67}, {64, 200}} {
			src, _ := host.NewImage(size.X, size.Y, 3, f)
			at := func(m *kernels.Image, x, y int) int {
				if f == kernels.U16 {
					return int(m.RowU16(y)[3*x])*7 + int(m.RowU16(y)[3*x+2])
				}
				return int(m.RowU8(y)[3*x])*7 + int(m.RowU8(y)[3*x+2])
			}
			for y := range size.Y {
				for i := range 3 * size.X {
					if f == kernels.U16 {
						src.RowU16(y)[i] = uint16(y*977 + i*31)
					} else {
						src.RowU8(y)[i] = uint8(y*97 + i*31)
					}
				}
			}
			W, H := size.X, size.Y
			for o := 1; o <= 8; o++ {
				up, err := upright(host, src, o)
				if err != nil {
					t.Fatal(err)
				}
				for y := range up.Height() {
					for x := range up.Width() {
						// EXIF: where row 0 and column 0 of the file lie in the scene.
						u, v := [...][2]int{{}, {x, y}, {W - 1 - x, y}, {W - 1 - x, H - 1 - y}, {x, H - 1 - y}, {y, x}, {y, H - 1 - x}, {W - 1 - y, H - 1 - x}, {W - 1 - y, x}}[o][0],
							[...][2]int{{}, {x, y}, {W - 1 - x, y}, {W - 1 - x, H - 1 - y}, {x, H - 1 - y}, {y, x}, {y, H - 1 - x}, {W - 1 - y, H - 1 - x}, {W - 1 - y, x}}[o][1]
						if at(up, x, y) != at(src, u, v) {
							t.Fatalf("%v %v orientation %d: pixel %d,%d is not the file's %d,%d", f, size, o, x, y, u, v)
						}
					}
				}
				if up != src {
					up.Free()
				}
			}
			src.Free()
		}
	}
}

// TestOrientationPhotographs: one picture stored in all orientations is one picture.
func TestOrientationPhotographs(t *testing.T) {
	dir := filepath.Join(phototest.Dir(t), "metadata", "exif_orientation")
	for _, kind := range []string{"Landscape", "Portrait"} {
		var first *Photo
		for o := 1; o <= 8; o++ {
			p, err := Open(filepath.Join(dir, kind+"_"+string(rune('0'+o))+".jpg"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.Facts.Orientation != o {
				t.Errorf("%s: orientation %d", p.Name, p.Facts.Orientation)
			}
			if first == nil {
				first = p
				continue
			}
			sum := 0
			for i, v := range p.Thumb.Pix {
				sum += abs(int(v) - int(first.Thumb.Pix[i]))
			}
			// They were compressed separately: on average less than one level apart.
			if mean := float64(sum) / float64(len(p.Thumb.Pix)); mean > 1 {
				t.Errorf("%s: thumbs differ by %.2f levels", p.Name, mean)
			}
		}
	}
}

// TestProfilesAgainstLittleCMS compares with what PIL's ImageCms makes of the embedded profiles
// (testdata/ingest/icc.py).
func TestProfilesAgainstLittleCMS(t *testing.T) {
	dir := filepath.Join(phototest.Dir(t), "metadata", "icc")
	b, err := os.ReadFile("testdata/ingest/icc.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Mean   [3]float64
		Blocks []struct {
			X, Y int
			RGB  [3]float64
		}
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		p, err := Open(filepath.Join(dir, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Warnings) > 0 {
			t.Errorf("%s: %v", name, p.Warnings)
		}
		m := pixels(t, p)
		average := func(r image.Rectangle) (s [3]float64) {
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					for k := range s {
						s[k] += float64(m.RowU8(y)[3*x+k]) / float64(r.Dx()*r.Dy())
					}
				}
			}
			return s
		}
		check := func(what string, got, want [3]float64, limit float64) {
			for k := range got {
				if math.Abs(got[k]-want[k]) > limit {
					t.Errorf("%s: %s is %.2f, want %.2f", name, what, got, want)
					return
				}
			}
		}
		check("mean", average(m.Bounds()), w.Mean, 0.6)
		for _, b := range w.Blocks {
			// Two JPEG decoders, and the blocks are small.
			check("block", average(image.Rect(b.X, b.Y, b.X+8, b.Y+8)), b.RGB, 1.6)
		}
	}
}

func TestOpenMalformed(t *testing.T) {
	dir := filepath.Join(phototest.Dir(t), "malformed")
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		p, err := Open(path, nil)
		base := filepath.Base(path)
		switch code := CodeOf(err); code {
		case "":
			pixels(t, p)
			if strings.HasPrefix(base, "x") && strings.Contains(path, "pngsuite") {
				t.Errorf("%s was accepted", base)
			}
		case CodeNotPhoto, CodeEmptyFile, CodeBadImage, CodeTruncated, CodeTooLarge:
		case CodeUnsupportedFormat:
			if strings.HasSuffix(base, ".png") {
				t.Errorf("%s: %v", base, err)
			}
		default:
			t.Errorf("%s: %v", base, err)
		}
		if strings.Contains(path, "pngsuite") && strings.HasSuffix(base, ".png") && !strings.HasPrefix(base, "x") && err != nil {
			t.Errorf("%s: %v", base, err)
		}
		return nil
	})
	if err != nil || n < 300 {
		t.Errorf("%d files, %v", n, err)
	}
}

// TestTruncations cuts good files everywhere: each piece is refused with a code.
func TestTruncations(t *testing.T) {
	m := picture(640, 480)
	for _, format := range []string{"jpeg", "png", "tiff", "tiff-raw"} {
		whole := encoded(t, format, m)
		step := max(1, min(1024, len(whole)/40))
		for n := 0; n < len(whole)-4; n += step {
			_, err := Decode(bytes.NewReader(whole[:n]), nil)
			switch CodeOf(err) {
			case CodeTruncated, CodeBadImage:
			case CodeEmptyFile, CodeNotPhoto:
				if n > 8 {
					t.Errorf("%s cut at %d: %v", format, n, err)
				}
			default:
				t.Errorf("%s cut at %d of %d: %v", format, n, len(whole), err)
			}
			if format == "jpeg" && n > 700 && CodeOf(err) != CodeTruncated {
				t.Errorf("jpeg cut at %d: %v", n, err)
			}
		}
	}
}

// TestTruncatedPhotographs cuts real photographs at every kilobyte (-short, for the race detector: at every sixteenth): each piece is refused with a code, or
// says in a warning what it lost.
func TestTruncatedPhotographs(t *testing.T) {
	root := phototest.Dir(t)
	step, least := 1024, 20
	if testing.Short() {
		step, least = 16*1024, 1
	}
	for _, name := range []string{
		"brackets/fusion_house/*", "brackets/fusion_room/*", "brackets/lamp_stack/*", "metadata/icc/*",
	} {
		files, err := filepath.Glob(filepath.Join(root, name))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", name, len(files), err)
		}
		cuts := 0
		for _, file := range files {
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Decode(bytes.NewReader(whole), nil)
			if err != nil || p.Facts.Width*p.Facts.Height > 1<<20 || cuts > 400 {
				continue // not a photograph of a supported kind, or one that takes long
			}
			for n := 1024; n < len(whole); n += step {
				cuts++
				q, err := Decode(bytes.NewReader(whole[:n]), nil)
				switch code := CodeOf(err); {
				case code == CodeTruncated || code == CodeBadImage:
				case err != nil:
					t.Errorf("%s cut at %d of %d: %v", file, n, len(whole), err)
				case q.Thumb.W == 0 || !bytes.Equal(q.Thumb.Pix, p.Thumb.Pix) && len(q.Warnings) == 0:
					t.Errorf("%s cut at %d of %d: taken for whole", file, n, len(whole))
				}
			}
		}
		if cuts < least {
			t.Errorf("%s: %d cuts", name, cuts)
		}
		t.Logf("%s: %d cuts", name, cuts)
	}
}

// bomb is a header that claims w×h pixels, with nothing behind it.
func bomb(format string, w, h uint32) []byte {
	switch format {
	case "png":
		b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
		b = binary.BigEndian.AppendUint32(b, w)
		b = binary.BigEndian.AppendUint32(b, h)
		b = append(b, 16, 6, 0, 0, 0)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
		return append(b, "\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e"...)
	case "jpeg":
		b := []byte{0xff, 0xd8, 0xff, 0xc0, 0, 17, 8}
		b = binary.BigEndian.AppendUint16(b, uint16(h))
		b = binary.BigEndian.AppendUint16(b, uint16(w))
		return append(b, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0)
	}
	b := []byte("II*\x00\x08\x00\x00\x00\x08\x00")
	for _, e := range [][2]uint32{{256, w}, {257, h}, {258, 8}, {259, 8}, {262, 1}, {273, 8}, {278, h}, {279, 100}} {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = append(b, 4, 0, 1, 0, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, e[1])
	}
	return append(b, make([]byte, 100)...)
}

// TestHeadersThatLie: what a header claims is not allocated.
func TestHeadersThatLie(t *testing.T) {
	for _, c := range []struct {
		format string
		w, h   uint32
		code   Code
	}{
		{"png", 100000, 100000, CodeTooLarge}, {"tiff", 100000, 100000, CodeTooLarge}, {"jpeg", 65500, 65500, CodeTooLarge},
		{"png", 1<<31 - 1, 1, CodeTooLarge}, {"tiff", 1<<31 - 1, 1, CodeTooLarge},
		// Within the limit, and still more than so few bytes can hold.
		{"png", 12000, 12000, CodeTruncated}, {"tiff", 12000, 12000, CodeTruncated}, {"jpeg", 12000, 12000, CodeTruncated},
	} {
		data := bomb(c.format, c.w, c.h)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(bytes.NewReader(data), nil)
		runtime.ReadMemStats(&after)
		if CodeOf(err) != c.code {
			t.Errorf("%s %d×%d: %v", c.format, c.w, c.h, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s %d×%d: %d bytes allocated", c.format, c.w, c.h, n)
		}
	}
}

func TestOpenWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	good := encoded(t, "jpeg", picture(40, 30))
	check := func(path string, o *DecodeOptions, want Code) {
		t.Helper()
		if _, err := Open(path, o); CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	os.Mkdir(name("x.jpg"), 0o755)
	check(name("x.jpg"), nil, CodeUnreadable)
	check(name("missing.jpg"), nil, CodeUnreadable)
	os.WriteFile(name("empty.jpg"), nil, 0o644)
	check(name("empty.jpg"), nil, CodeEmptyFile)
	os.WriteFile(name("text.jpg"), []byte("no photograph"), 0o644)
	check(name("text.jpg"), nil, CodeNotPhoto)
	os.WriteFile(name("good.txt"), good, 0o644)
	check(name("good.txt"), nil, "")
	check(name("good.txt"), &DecodeOptions{MaxPixels: 100}, CodeTooLarge)
	check(name("good.txt"), &DecodeOptions{MaxBytes: 100}, CodeTooLarge)
	check(name("good.txt"), &DecodeOptions{MaxBytes: -1}, CodeBadOption)
	check(os.DevNull, nil, CodeUnreadable)
	os.WriteFile(name("riff.jpg"), []byte("RIFF\x10\x00\x00\x00WEBPVP8 abcdefgh"), 0o644)
	_, err := Open(name("riff.jpg"), nil)
	if CodeOf(err) != CodeUnsupportedFormat || !strings.Contains(err.Error(), "webp") {
		t.Error(err)
	}
	if _, err := Decode(bytes.NewReader(good), &DecodeOptions{MaxBytes: 100}); CodeOf(err) != CodeTooLarge {
		t.Error(err)
	}
	if err := syscall.Mkfifo(name("pipe.jpg"), 0o644); err == nil {
		check(name("pipe.jpg"), nil, CodeUnreadable)
	}
	t.Run("permission", func(t *testing.T) {
		os.WriteFile(name("secret.jpg"), good, 0)
		if f, err := os.Open(name("secret.jpg")); err == nil {
			f.Close()
			t.Skip("this user may read everything")
		}
		check(name("secret.jpg"), nil, CodeUnreadable)
	})
}

func TestPixelsOfAChangedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	os.WriteFile(path, encoded(t, "png", picture(40, 30)), 0o644)
	p, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	pixels(t, p)
	os.WriteFile(path, encoded(t, "png", picture(40, 31)), 0o644)
	if _, err := p.Pixels(context.Background(), nil); CodeOf(err) != CodeChanged {
		t.Error(err)
	}
	os.Remove(path)
	if _, err := p.Pixels(context.Background(), nil); CodeOf(err) != CodeUnreadable {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Pixels(ctx, nil); CodeOf(err) != CodeCancelled {
		t.Error(err)
	}
}

func TestPixelCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	os.WriteFile(path, encoded(t, "png", picture(40, 30)), 0o644)
	c := NewPixelCache(1 << 20)
	p, err := Open(path, &DecodeOptions{Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path) // the cache still has them, once
	pixels(t, p)
	if _, err := p.Pixels(context.Background(), nil); CodeOf(err) != CodeUnreadable {
		t.Error(err)
	}
	if c.used != 0 || len(c.held) != 0 {
		t.Errorf("%d bytes left", c.used)
	}
	small := NewPixelCache(10)
	if _, err := Decode(bytes.NewReader(encoded(t, "png", picture(40, 30))), &DecodeOptions{Cache: small}); err != nil || small.used != 0 {
		t.Error(err, small.used)
	}
}

func TestClippedShares(t *testing.T) {
	for _, f := range []kernels.Format{kernels.U8, kernels.U16} {
		for w := 1; w < 40; w++ {
			m, err := kernels.NewHostImage(nil, w, 3, 3, f)
			if err != nil {
				t.Fatal(err)
			}
			high, low := 0, 0
			for y := range 3 {
				for x := range w {
					v := [3]int{(x*37 + y*11) % 256, (x * 91) % 256, 1}
					switch (x*7 + y) % 5 {
					case 0:
						v = [3]int{0, 1, 1}
					case 1:
						v[1] = 254
					}
					if top := max(v[0], v[1], v[2]); top >= 254 {
						high++
					} else if top <= 1 {
						low++
					}
					for k := range 3 {
						if f == kernels.U16 {
							m.RowU16(y)[3*x+k] = uint16(v[k] * 257)
						} else {
							m.RowU8(y)[3*x+k] = uint8(v[k])
						}
					}
				}
			}
			n := float64(3 * w)
			if h, l := clipped(m); h != float64(high)/n || l != float64(low)/n {
				t.Errorf("%v width %d: %g %g, want %g %g", f, w, h, l, float64(high)/n, float64(low)/n)
			}
			m.Free()
		}
	}
}

func TestTIFFVersionIsTheModules(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(mod, []byte("golang.org/x/image v"+tiffVersion)) {
		t.Errorf("go.mod has another golang.org/x/image than %s", tiffVersion)
	}
}

func FuzzDecode(f *testing.F) {
	m := picture(9, 7)
	for _, format := range []string{"jpeg", "png", "tiff", "tiff-raw"} {
		f.Add(encoded(f, format, m))
		f.Add(bomb(strings.TrimSuffix(format, "-raw"), 50, 50))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(bytes.NewReader(data), &DecodeOptions{MaxPixels: 1 << 16, MaxBytes: 1 << 20})
		if err != nil {
			if c := CodeOf(err); c == CodeInternal || c == "" {
				t.Fatalf("%s: %v", c, err)
			}
			return
		}
		m, err := p.Pixels(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Free()
	})
}

// FuzzGroup makes photos of the bytes: whatever the facts, none is lost and order does not matter.
func FuzzGroup(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Add(bytes.Repeat([]byte{7, 1, 200, 3, 90, 2}, 12))
	f.Fuzz(func(t *testing.T, data []byte) {
		var photos []*Photo
		for i := 0; i+6 <= len(data) && i < 6*40; i += 6 {
			b := data[i:]
			p := &Photo{Name: string(b[:1]), Thumb: Thumb{8, 6, make([]uint8, 144)}}
			for k := range p.Thumb.Pix {
				p.Thumb.Pix[k] = uint8(k*int(b[1])) + b[2]
			}
			copy(p.SHA256[:], b[:6])
			p.Facts = Facts{Width: 8, Height: 6, Exposure: seconds(math.Exp2(float64(int8(b[3])) / 8)), Sequence: int(b[4] % 5), SequenceLen: int(b[4] / 64), Bracket: b[4]&32 != 0}
			if b[5] > 20 {
				p.Facts.Start = day.Add(seconds(float64(b[5])))
			}
			photos = append(photos, p)
		}
		mustGroup(t, photos, nil)
	})
}
