package realedit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/kernels"
)

// DecodeOptions steer Open and Decode; nil means the zero value.
type DecodeOptions struct {
	MaxPixels int64           // refuse larger pictures with CodeTooLarge; 0 = 150 million
	MaxBytes  int64           // refuse larger files with CodeTooLarge; 0 = 1 GiB
	Backend   kernels.Backend // converts pixels, if its images lie in host memory; nil (or a device) = the shared host backend
	Facts     FactStore       // photos that it knows are opened without decoding them; nil = all are decoded
	Cache     *PixelCache     // keeps the pixels that were decoded for the facts; nil = decoded again when needed
}

// The default limits.
const (
	defaultMaxPixels = 150e6
	defaultMaxBytes  = 1 << 30
)

// checked fills in the defaults.
func (o *DecodeOptions) checked() (DecodeOptions, error) {
	var c DecodeOptions
	if o != nil {
		c = *o
	}
	if c.MaxPixels < 0 || c.MaxBytes < 0 {
		return c, Errorf(CodeBadOption, "decode", "MaxPixels %d, MaxBytes %d: must not be negative", c.MaxPixels, c.MaxBytes)
	}
	if c.MaxPixels == 0 {
		c.MaxPixels = defaultMaxPixels
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	return c, nil
}

// source is where a photo's bytes come from.
type source struct {
	data []byte // of a photo decoded from a reader
	opts DecodeOptions
}

// Open reads the photo in a file: content decides what it is, never the name. The
// file is read and decoded once for the facts; pixels are decoded again when they
// are asked for, unless o.Cache still holds them.
//
// Errors are *Error: CodeUnreadable (missing, no permission, no regular file),
// CodeEmptyFile, CodeNotPhoto, CodeUnsupportedFormat, CodeTooLarge, CodeTruncated,
// CodeBadImage, CodeOutOfMemory.
func Open(name string, o *DecodeOptions) (*Photo, error) {
	opts, err := o.checked()
	if err != nil {
		return nil, err
	}
	p := &Photo{Name: filepath.Base(name), Path: name, source: source{opts: opts}}
	data, free, err := readFile(name, opts)
	if err != nil {
		return nil, p.fail("open", err)
	}
	defer free()
	return p.examine(data)
}

// Decode is Open for bytes that come from a reader. The photo keeps them, so that its pixels can be decoded later.
func Decode(r io.Reader, o *DecodeOptions) (*Photo, error) {
	opts, err := o.checked()
	if err != nil {
		return nil, err
	}
	p := &Photo{source: source{opts: opts}}
	data, err := io.ReadAll(io.LimitReader(r, opts.MaxBytes+1))
	switch {
	case err != nil:
		return nil, p.fail("read", &Error{Code: CodeUnreadable, Err: err})
	case int64(len(data)) > opts.MaxBytes:
		return nil, p.fail("read", Errorf(CodeTooLarge, "", "more than %d bytes", opts.MaxBytes))
	case len(data) == 0:
		return nil, p.fail("read", &Error{Code: CodeEmptyFile})
	}
	p.source.data = data
	return p.examine(data)
}

// Pixels decodes the photo into b's memory (nil = host memory): upright,
// sRGB-encoded, 3 channels, U8 or U16. The caller frees the image. A file that is no
// longer the one that was opened is CodeChanged; a context that ends is CodeCancelled.
func (p *Photo) Pixels(ctx context.Context, b kernels.Backend) (*kernels.Image, error) {
	m := p.source.opts.Cache.take(p)
	if m == nil {
		data, free, err := p.bytes(ctx)
		if err != nil {
			return nil, err
		}
		atomic.StoreUint32(&p.decoded, 1)
		d, err := decodePixels(ctx, data, p.source.opts)
		free()
		if err != nil {
			return nil, p.fail("decode", err)
		}
		m = d.image
	}
	m, err := moveTo(ctx, b, m)
	if err != nil {
		return nil, p.fail("decode", err)
	}
	return m, nil
}

// bytes is the photo's file as it was when it was opened; free gives the buffer back.
func (p *Photo) bytes(ctx context.Context) (data []byte, free func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, p.fail("read", &Error{Code: CodeCancelled, Err: context.Cause(ctx)})
	}
	if p.source.data != nil {
		return p.source.data, func() {}, nil
	}
	data, free, err = readFile(p.Path, p.source.opts)
	if err != nil {
		return nil, nil, p.fail("read", err)
	}
	if sha256.Sum256(data) != p.SHA256 {
		free()
		return nil, nil, p.fail("read", Errorf(CodeChanged, "", "the file's contents are not those of %x", p.SHA256[:6]))
	}
	return data, free, nil
}

// examine fills in everything that is known of a photo from its bytes.
func (p *Photo) examine(data []byte) (*Photo, error) {
	p.Size = int64(len(data))
	hashed := make(chan struct{})
	go func() {
		p.SHA256 = sha256.Sum256(data)
		close(hashed)
	}()
	if p.source.opts.Facts != nil {
		<-hashed
		if p.recall(p.source.opts.Facts) {
			return p, nil
		}
	}
	atomic.StoreUint32(&p.decoded, 1)
	d, err := decodePixels(context.Background(), data, p.source.opts)
	<-hashed
	if err != nil {
		return nil, p.fail("decode", err)
	}
	p.Codec, p.Warnings, p.Facts = d.codec, d.warnings, d.facts
	if err := p.look(d.image, d.ops); err != nil {
		d.image.Free()
		return nil, p.fail("decode", err)
	}
	p.source.opts.Cache.put(p, d.image)
	p.remember(p.source.opts.Facts)
	return p, nil
}

// fail names the photo and what was being done in an error, keeping its code.
func (p *Photo) fail(op string, err error) error {
	if p.Name != "" {
		op += " " + p.Name
	}
	var e *Error
	if errors.As(err, &e) {
		return &Error{Code: e.Code, Op: op, Err: e.Err}
	}
	return &Error{Code: CodeOf(err), Op: op, Err: err}
}

// decoded is a file's picture and what was learnt on the way.
type decoded struct {
	image    *kernels.Image // on the host, upright, sRGB-encoded, 3 channels, U8 or U16
	ops      *kernels.Ops
	codec    string
	facts    Facts
	adobeRGB bool // EXIF names Adobe RGB
	warnings []string
}

// decodePixels decodes a file's bytes. Decoders that panic on broken files are caught here.
func decodePixels(ctx context.Context, data []byte, o DecodeOptions) (d *decoded, err error) {
	defer func() {
		if r := recover(); r != nil {
			if d != nil {
				d.image.Free()
			}
			d, err = nil, Errorf(CodeBadImage, "", "the decoder panicked: %v\n%s", r, debug.Stack())
		}
	}()
	src := bytes.NewReader(data)
	h, err := container.ReadHeader(src, int64(len(data)))
	if err != nil {
		return nil, headerError(err)
	}
	if err := checkHeader(h, int64(len(data)), o); err != nil {
		return nil, err
	}
	blocks, warnings := container.ReadBlocks(src, int64(len(data)))
	d = &decoded{warnings: warnings}
	d.metadata(blocks)

	host, err := hostBackend(o.Backend)
	if err != nil {
		return nil, err
	}
	d.ops = kernels.Complete(host, nil)
	r := raster{backend: host, ops: d.ops}
	d.image, err = r.decode(data, h.Format)
	d.codec = codecNames[h.Format]
	if err != nil {
		return nil, err
	}
	d.warnings = append(d.warnings, r.warnings...)
	if err := ctx.Err(); err != nil {
		d.image.Free()
		return nil, &Error{Code: CodeCancelled, Err: context.Cause(ctx)}
	}
	space, warning := colourOf(h, blocks, d.adobeRGB, entries(d.image.Format()))
	if warning != "" {
		d.warnings = append(d.warnings, warning)
	}
	if err := toSRGB(d.ops, d.image, space); err != nil {
		d.image.Free()
		return nil, err
	}
	up, err := upright(host, d.image, d.facts.Orientation)
	if up != d.image {
		d.image.Free()
	}
	if err != nil {
		return nil, err
	}
	d.image = up
	d.facts.Width, d.facts.Height, d.facts.Bits = up.Width(), up.Height(), 8*up.Format().Size()
	return d, nil
}

// sharedHost is the host backend of everybody who names none.
var sharedHost = sync.OnceValues(func() (kernels.Backend, error) {
	b, err := kernels.Open("cpu")
	if err != nil {
		b, err = kernels.Open("ref")
	}
	return b, err
})

// hostBackend is b if its images lie in host memory, else the shared one.
func hostBackend(b kernels.Backend) (kernels.Backend, error) {
	if b != nil {
		if onHost, err := kernels.HostMemory(b); err != nil || onHost {
			return b, err
		}
	}
	return sharedHost()
}

// moveTo hands m, which lies on the host, over to b's memory.
func moveTo(ctx context.Context, b kernels.Backend, m *kernels.Image) (*kernels.Image, error) {
	if b == nil {
		return m, nil
	}
	onHost, err := kernels.HostMemory(b)
	if onHost {
		return m, nil
	}
	defer m.Free()
	if err != nil {
		return nil, err
	}
	d, err := b.NewImage(m.Width(), m.Height(), m.Channels(), m.Format())
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.Copy(ctx, d, m), b.Sync(ctx)); err != nil {
		d.Free()
		return nil, fmt.Errorf("copying to %s: %w", b.Name(), err)
	}
	return d, nil
}
