package kernels

import (
	"fmt"
	"image"
	"unsafe"
)

// MaxSide is the largest width or height of an Image, in pixels.
const MaxSide = 1 << 20

// Image is W×H pixels of C interleaved channels in one backend's memory.
//
// Its pixels may be a window into a larger image (SubImage); coordinates always
// start at (0,0), the window's own corner. An Image returned by NewImage owns its
// memory until Free; sub-images share it and must not outlive it. An Image may be
// read from several goroutines at once; writing needs the caller's own order.
type Image struct {
	w, h, c int
	f       Format
	stride  int // bytes from a row to the next
	off     int // bytes from the memory's start to pixel (0,0)
	mem     *Memory
	sub     bool
}

// Memory is a block of one backend's memory. Backends make it; users see images.
type Memory struct {
	Host    []byte  // the bytes, when the processor can reach them; else nil
	Device  uintptr // the device address, when it cannot
	Owner   Backend // who allocated it
	Release func()  // gives the block back; called once
	Private any     // what the owner keeps with it
}

// RowBytes is the stride that backends give a row of w pixels of c channels:
// the row's bytes rounded up to 64, so that every row starts on a cache line.
func RowBytes(w, c int, f Format) int { return (w*c*f.Size() + 63) &^ 63 }

// ImageBytes is the memory one image takes, in bytes.
func ImageBytes(w, h, c int, f Format) int64 {
	return int64(RowBytes(w, c, f)) * int64(h)
}

// CheckSize tells whether an image of this shape can exist: sides in [1, MaxSide],
// 1 to 4 channels, a known format.
func CheckSize(w, h, c int, f Format) error {
	switch {
	case w < 1 || w > MaxSide:
		return argErr("NewImage", "w", "%d is outside [1, %d]", w, MaxSide)
	case h < 1 || h > MaxSide:
		return argErr("NewImage", "h", "%d is outside [1, %d]", h, MaxSide)
	case c < 1 || c > 4:
		return argErr("NewImage", "channels", "%d is outside [1, 4]", c)
	case f > F32:
		return argErr("NewImage", "format", "%v is not a format", f)
	}
	return nil
}

// NewImageIn lays an image out in a block of memory; for backends.
// The block must hold ImageBytes(w, h, c, f) bytes.
func NewImageIn(mem *Memory, w, h, c int, f Format) *Image {
	return &Image{w: w, h: h, c: c, f: f, stride: RowBytes(w, c, f), mem: mem}
}

// Wrap makes an image of the caller's own pixels, w×h of c channels, tightly
// packed, without copying. The slice stays the caller's; Free does nothing to it.
func Wrap[T uint8 | uint16 | Half | float32](pix []T, w, h, c int) (*Image, error) {
	var z T
	var f Format
	switch any(z).(type) {
	case uint8:
		f = U8
	case uint16:
		f = U16
	case Half:
		f = F16
	case float32:
		f = F32
	}
	if err := CheckSize(w, h, c, f); err != nil {
		return nil, err
	}
	if len(pix) < w*h*c {
		return nil, argErr("Wrap", "pix", "%d samples, need %d", len(pix), w*h*c)
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&pix[0])), len(pix)*f.Size())
	return &Image{w: w, h: h, c: c, f: f, stride: w * c * f.Size(), mem: &Memory{Host: b}}, nil
}

// Width in pixels.
func (m *Image) Width() int { return m.w }

// Height in pixels.
func (m *Image) Height() int { return m.h }

// Channels per pixel, interleaved.
func (m *Image) Channels() int { return m.c }

// Format of a sample.
func (m *Image) Format() Format { return m.f }

// Stride is the distance from a row to the next, in bytes.
func (m *Image) Stride() int { return m.stride }

// Bounds is (0,0)-(W,H), for sub-images too.
func (m *Image) Bounds() image.Rectangle { return image.Rect(0, 0, m.w, m.h) }

// Bytes is the size of the pixels in memory, padding included.
func (m *Image) Bytes() int64 { return int64(m.stride) * int64(m.h) }

// Memory is the block the pixels lie in; Offset is where in it they start. For backends.
func (m *Image) Memory() *Memory { return m.mem }

// Offset is the distance in bytes from the memory's start to pixel (0,0).
func (m *Image) Offset() int { return m.off }

// OnHost tells whether the processor can read the pixels (Row and its typed forms work).
func (m *Image) OnHost() bool { return m.mem.Host != nil }

// String is like "8192×5464×3 u16".
func (m *Image) String() string {
	if m == nil {
		return "no image"
	}
	return fmt.Sprintf("%d×%d×%d %v", m.w, m.h, m.c, m.f)
}

// SubImage is the window r of m, clipped to it, sharing its pixels; nil when
// nothing is left. It must not be used after m is freed.
func (m *Image) SubImage(r image.Rectangle) *Image {
	r = r.Intersect(m.Bounds())
	if r.Empty() {
		return nil
	}
	s := *m
	s.w, s.h = r.Dx(), r.Dy()
	s.off += r.Min.Y*m.stride + r.Min.X*m.c*m.f.Size()
	s.sub = true
	return &s
}

// IsWindow tells whether m came from SubImage, so that what lies between its rows may be another's.
func (m *Image) IsWindow() bool { return m.sub }

// Free gives the pixels back to the backend's pool. The image and its sub-images
// must not be used afterwards. Free of nil, of a sub-image, or a second time does nothing.
func (m *Image) Free() {
	if m == nil || m.sub || m.mem == nil {
		return
	}
	if r := m.mem.Release; r != nil {
		m.mem.Release = nil
		r()
	}
}

// Same tells whether two images share their first pixel and layout: the in-place case.
func (m *Image) Same(o *Image) bool {
	return m.mem == o.mem && m.off == o.off && m.stride == o.stride && m.w == o.w && m.h == o.h && m.c == o.c && m.f == o.f
}

// Row is the bytes of row y, without padding. It panics for an image in device memory.
func (m *Image) Row(y int) []byte {
	if m.mem.Host == nil {
		panic("kernels: Row of an image in device memory")
	}
	if y < 0 || y >= m.h {
		panic("kernels: row out of range")
	}
	o := m.off + y*m.stride
	return m.mem.Host[o : o+m.w*m.c*m.f.Size() : o+m.w*m.c*m.f.Size()]
}

// RowU8 is row y of a U8 image: W·C samples.
func (m *Image) RowU8(y int) []uint8 { m.want(U8); return m.Row(y) }

// RowU16 is row y of a U16 image: W·C samples.
func (m *Image) RowU16(y int) []uint16 {
	m.want(U16)
	return unsafe.Slice((*uint16)(unsafe.Pointer(&m.Row(y)[0])), m.w*m.c)
}

// RowHalf is row y of an F16 image: W·C samples.
func (m *Image) RowHalf(y int) []Half {
	m.want(F16)
	return unsafe.Slice((*Half)(unsafe.Pointer(&m.Row(y)[0])), m.w*m.c)
}

// RowF32 is row y of an F32 image: W·C samples.
func (m *Image) RowF32(y int) []float32 {
	m.want(F32)
	return unsafe.Slice((*float32)(unsafe.Pointer(&m.Row(y)[0])), m.w*m.c)
}

func (m *Image) want(f Format) {
	if m.f != f {
		panic(fmt.Sprintf("kernels: %v rows of an image in %v", f, m.f))
	}
}

// Pointer is the address of pixel (0,0) for native code. The caller keeps m alive
// (runtime.KeepAlive) until the native call has returned.
func (m *Image) Pointer() unsafe.Pointer { return unsafe.Pointer(&m.mem.Host[m.off]) }
