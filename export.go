package realedit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"image"
	"image/png"
	"io"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/internal/icc"
	"github.com/realedit/realedit/kernels"
)

// FileFormat is the kind of file that Encode writes.
type FileFormat uint8

// The file formats.
const (
	JPEG FileFormat = iota // 8 bits, 4:2:0
	PNG                    // 8 or 16 bits
	TIFF                   // 16 or 8 bits
)

var formatNames = [...]string{"jpeg", "png", "tiff"}

// String is "jpeg", "png" or "tiff".
func (f FileFormat) String() string { return formatNames[f] }

// Ext is the file name's extension with its dot.
func (f FileFormat) Ext() string { return [...]string{".jpg", ".png", ".tif"}[f] }

// ParseFormat reads "jpeg", "png" or "tiff".
func ParseFormat(s string) (FileFormat, error) {
	for i, n := range formatNames {
		if n == s {
			return FileFormat(i), nil
		}
	}
	return 0, Errorf(CodeBadOption, "format", "%q is not one of %v", s, formatNames)
}

// ExportOptions steer Result.Encode; nil means the zero value.
type ExportOptions struct {
	Format  FileFormat
	Quality int  // JPEG, 1 to 100; 0 = 95
	Bits    int  // 8 or 16; 0 = 8 for JPEG and PNG, 16 for TIFF
	NoGPS   bool // leave positions out of the metadata
	// Unaltered encodes the unaltered sibling instead of the picture, with the same tables.
	Unaltered bool
}

func (o *ExportOptions) checked() (ExportOptions, error) {
	var c ExportOptions
	if o != nil {
		c = *o
	}
	if c.Quality == 0 {
		c.Quality = 95
	}
	if c.Bits == 0 {
		c.Bits = 8
		if c.Format == TIFF {
			c.Bits = 16
		}
	}
	switch {
	case int(c.Format) >= len(formatNames):
		return c, Errorf(CodeBadOption, "export", "Format: %d is none", c.Format)
	case c.Quality < 1 || c.Quality > 100:
		return c, Errorf(CodeBadOption, "export", "Quality: %d is outside [1, 100]", c.Quality)
	case c.Bits != 8 && c.Bits != 16, c.Bits == 16 && c.Format == JPEG:
		return c, Errorf(CodeBadOption, "export", "Bits: %d is not for %v", c.Bits, c.Format)
	}
	return c, nil
}

// Encode writes the picture as a file with an sRGB profile and all of the reference
// photo's metadata: EXIF with maker notes, XMP, IPTC and GPS keep their bytes, while
// orientation becomes 1, dimensions and thumbnail become true, and the report's facts
// go into XMP, with Disclosure where the policy wants it. It fills r.Report.Output (all but File), or of the sibling nothing.
//
// Metadata that has no place in the format is a finding of severity Warning. Errors of w
// come back wrapped: CodeDiskFull or CodeWriteFailed. Of an altered picture and its sibling the second one is refused with CodeQCFailed where they
// differ in pixels that are neither computed nor synthesised, as after a stage behind the last gate that changed the picture alone.
func (r *Result) Encode(w io.Writer, opts *ExportOptions) error {
	o, err := opts.checked()
	if err != nil {
		return err
	}
	m := r.Image
	if o.Unaltered {
		if m = r.Unaltered; m == nil && r.Report.Class == Altered {
			return Errorf(CodeInternal, "export", "the picture is altered, and no stage kept the one from before (Work.Unaltered)")
		} else if m == nil {
			return Errorf(CodeBadOption, "export", "Unaltered: the picture is not altered, so there is no sibling")
		}
	}
	if m == nil {
		return Errorf(CodeBadOption, "export", "the result has been freed")
	}
	pix, err := atDepth(m, o.Bits)
	if err != nil {
		return &Error{Code: CodeOf(err), Set: r.Set.ID, Op: "encode", Err: err}
	}
	if pix != m {
		defer pix.Free()
	}
	out := OutputFacts{Width: pix.Width(), Height: pix.Height(), PixelsSHA256: hashPixels(pix, nil)}
	out.describe(o, r.Set)
	out.UntouchedSHA256 = out.PixelsSHA256
	if r.Report.Class == Altered {
		out.UntouchedSHA256 = hashPixels(pix, r.Changes)
		if err := r.sameOutsideTheMap(o, out.UntouchedSHA256); err != nil {
			return err
		}
	}
	blocks, err := r.blocks(pix, o)
	if err != nil {
		return err
	}
	file := sha256.New()
	var changes *AlterationMap // of an altered picture
	if r.Report.Class == Altered && !o.Unaltered {
		changes = r.Changes
	}
	warnings, err := encodeFile(io.MultiWriter(w, file), pix, blocks, o, changes, &out)
	if err != nil {
		code := CodeOf(err)
		if code == CodeInternal {
			code = CodeWriteFailed
		}
		return &Error{Code: code, Set: r.Set.ID, Op: "encode", Err: err}
	}
	out.SHA256 = hex.EncodeToString(file.Sum(nil))
	if !o.Unaltered {
		r.Report.Output = &out
		r.warn(warnings)
	}
	return nil
}

// sameOutsideTheMap holds an altered picture's and its sibling's hash of untouched pixels against each other, once both are known.
func (r *Result) sameOutsideTheMap(o ExportOptions, sum string) error {
	own, other := 0, 1
	if o.Unaltered {
		own, other = 1, 0
	}
	if r.exact[own] == nil {
		r.exact[own] = map[int]string{}
	}
	r.exact[own][o.Bits] = sum
	if want, ok := r.exact[other][o.Bits]; ok && want != sum {
		return &Error{Code: CodeQCFailed, Set: r.Set.ID, Op: "encode", Err: errors.New("the picture and its unaltered sibling differ where nothing was computed or synthesised")}
	}
	return nil
}

// warn records metadata that was left out, once.
func (r *Result) warn(warnings []string) {
	for _, s := range warnings {
		f := Finding{Check: CheckMetadata, Severity: Warning, Message: s}
		known := false
		for _, g := range r.Report.Findings {
			known = known || g == f
		}
		if !known {
			r.Report.Findings = append(r.Report.Findings, f)
		}
	}
}

// atDepth is m on the host at the wanted depth, m itself where it is that. The device that holds it converts it, if
// it has room: 8 bits are half as much to fetch as 16.
func atDepth(m *kernels.Image, bits int) (*kernels.Image, error) {
	f := kernels.U8
	if bits == 16 {
		f = kernels.U16
	}
	if m.OnHost() {
		if m.Format() == f {
			return m, nil
		}
		b, err := sharedHost()
		if err != nil {
			return nil, err
		}
		return converted(b, m, f)
	}
	owner := m.Memory().Owner
	if m.Format() != f {
		c, err := converted(owner, m, f)
		switch {
		case err == nil:
			defer c.Free()
			m = c
		case !errors.Is(err, kernels.ErrOutOfMemory):
			return nil, err
		}
	}
	host, _, err := kernels.ToHost(context.Background(), owner, m)
	if err != nil || host.Format() == f {
		return host, err
	}
	defer host.Free()
	return atDepth(host, bits)
}

// converted is m in another format, in b's memory.
func converted(b kernels.Backend, m *kernels.Image, f kernels.Format) (*kernels.Image, error) {
	dst, err := b.NewImage(m.Width(), m.Height(), m.Channels(), f)
	if err != nil {
		return nil, err
	}
	if err := kernels.Complete(b, nil).Convert(dst, m); err != nil {
		dst.Free()
		return nil, err
	}
	return dst, nil
}

// hashPixels is the SHA-256 of the samples, rows top down, 16-bit ones big-endian. With
// a map, pixels that are computed or synthesised count as 0.
func hashPixels(m *kernels.Image, changes *AlterationMap) string {
	h := sha256.New()
	bpp := 3 * m.Format().Size()
	row := make([]byte, m.Width()*bpp)
	for y := range m.Height() {
		if m.Format() == kernels.U16 {
			for i, v := range m.RowU16(y) {
				binary.BigEndian.PutUint16(row[2*i:], v)
			}
		} else {
			copy(row, m.Row(y))
		}
		if changes != nil {
			for x, c := range changes.Map.RowU8(y) {
				if Change(c) >= ChangeComputed {
					clear(row[x*bpp : (x+1)*bpp])
				}
			}
		}
		h.Write(row)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// blocks are the reference photo's metadata, brought up to date.
func (r *Result) blocks(pix *kernels.Image, o ExportOptions) (*container.Blocks, error) {
	data, free, err := r.Set.Ref().bytes(context.Background())
	if err != nil {
		return nil, err
	}
	b, warnings := container.ReadBlocks(readerAt(data), int64(len(data)))
	free()
	thumb, err := thumbnailJPEG(pix)
	if err != nil {
		return nil, err
	}
	facts, err := factsOf(r.Report, o.Unaltered)
	if err != nil {
		return nil, err
	}
	done, more, err := b.Finish(container.Finish{
		Format: [...]container.Format{container.JPEG, container.PNG, container.TIFF}[o.Format],
		Width:  pix.Width(), Height: pix.Height(), Thumbnail: thumb, StripGPS: o.NoGPS,
		Facts: facts, ICC: icc.SRGBProfile(),
	})
	if err != nil {
		return nil, err
	}
	r.warn(append(warnings, more...))
	return done, nil
}

// encodeFile writes the samples with the blocks around them.
func encodeFile(w io.Writer, pix *kernels.Image, b *container.Blocks, o ExportOptions, changes *AlterationMap, out *OutputFacts) ([]string, error) {
	buf := bufio.NewWriterSize(w, 1<<20)
	var warnings []string
	var err error
	switch o.Format {
	case JPEG:
		jw, warn := container.NewJPEGWriter(buf, b)
		scan := sha256.New()
		if out.UnitsSHA256, err = encodeJPEG(io.MultiWriter(jw, scan), pix, o.Quality, changes); err == nil {
			err = jw.Close()
		}
		warnings, out.ScanSHA256 = warn, hexSum(scan)
	case PNG:
		pw, warn := container.NewPNGWriter(buf, b)
		enc := png.Encoder{CompressionLevel: png.BestSpeed}
		if err = enc.Encode(pw, &shown{pix}); err == nil {
			err = pw.Close()
		}
		warnings = warn
	case TIFF:
		ra := container.Raster{Width: pix.Width(), Height: pix.Height(), Channels: 3, Bits: o.Bits}
		if o.Bits == 8 {
			ra.Row8 = func(y int, dst []uint8) { copy(dst, pix.RowU8(y)) }
		} else {
			ra.Row16 = func(y int, dst []uint16) { copy(dst, pix.RowU16(y)) }
		}
		warnings, err = container.WriteTIFF(buf, ra, b, &container.TIFFOptions{Deflate: true})
	}
	if err != nil {
		return nil, err
	}
	return warnings, buf.Flush()
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// readerAt reads a byte slice.
type readerAt []byte

func (b readerAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// thumbnailJPEG is the picture at most 160 pixels a side, as EXIF wants it.
func thumbnailJPEG(pix *kernels.Image) ([]byte, error) {
	b, err := sharedHost()
	if err != nil {
		return nil, err
	}
	w, h := FitInto(pix.Width(), pix.Height(), 160)
	small, err := b.NewImage(w, h, 3, kernels.U8)
	if err != nil {
		return nil, err
	}
	defer small.Free()
	if err := kernels.Complete(b, nil).Resize(small, pix); err != nil {
		return nil, err
	}
	return smallJPEG(small)
}

var _ image.Image = (*shown)(nil)
