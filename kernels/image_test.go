package kernels

import (
	"context"
	"errors"
	"image"
	"testing"
)

func newTestImage(t *testing.T, w, h, c int, f Format) *Image {
	t.Helper()
	m, err := NewHostImage(nil, w, h, c, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

func TestCheckSize(t *testing.T) {
	for _, c := range []struct {
		w, h, c int
		f       Format
		arg     string
	}{{0, 1, 1, U8, "w"}, {MaxSide + 1, 1, 1, U8, "w"}, {1, -1, 1, U8, "h"}, {1, 1, 0, U8, "channels"}, {1, 1, 5, U8, "channels"}, {1, 1, 1, F32 + 1, "format"}, {1, 1, 1, U8, ""}, {MaxSide, MaxSide, 4, F32, ""}} {
		err := CheckSize(c.w, c.h, c.c, c.f)
		var a *ArgError
		if c.arg == "" {
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
		} else if !errors.As(err, &a) || a.Arg != c.arg || !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v, want an *ArgError about %s", c, err, c.arg)
		}
	}
}

func TestSubImage(t *testing.T) {
	m := newTestImage(t, 10, 8, 3, U16)
	for y := range 8 {
		for i := range m.RowU16(y) {
			m.RowU16(y)[i] = uint16(y*100 + i)
		}
	}
	s := m.SubImage(image.Rect(2, 3, 7, 99))
	if s.Bounds() != image.Rect(0, 0, 5, 5) || s.Channels() != 3 || s.Format() != U16 || s.Stride() != m.Stride() {
		t.Fatalf("window is %v", s)
	}
	if got := s.RowU16(1)[4]; got != 4*100+2*3+4 {
		t.Errorf("sample is %d", got)
	}
	inner := s.SubImage(image.Rect(1, 1, 3, 2))
	inner.RowU16(0)[0] = 9
	if got := m.RowU16(4)[9]; got != 9 {
		t.Errorf("a window of a window does not share pixels: %d", got)
	}
	if s.Free(); len(m.RowU16(7)) != 30 {
		t.Error("freeing a window touched the whole")
	}
	if m.SubImage(image.Rect(10, 0, 20, 8)) != nil || m.SubImage(image.Rect(3, 3, 3, 5)) != nil {
		t.Error("an empty window is an image")
	}
	if !s.Same(m.SubImage(image.Rect(2, 3, 7, 8))) || s.Same(inner) {
		t.Error("Same")
	}
}

func TestFreeTwiceGivesBackOnce(t *testing.T) {
	before, _, _ := Host.Stats()
	m, err := NewHostImage(nil, 100, 100, 4, F32)
	if err != nil {
		t.Fatal(err)
	}
	m.Free()
	m.Free()
	(*Image)(nil).Free()
	if after, _, _ := Host.Stats(); after != before {
		t.Errorf("%d bytes in use, were %d", after, before)
	}
}

func TestWrap(t *testing.T) {
	pix := make([]float32, 12)
	m, err := Wrap(pix, 2, 3, 2)
	if err != nil || m.Format() != F32 || m.Stride() != 16 {
		t.Fatalf("%v, %v", m, err)
	}
	m.RowF32(2)[3] = 5
	if pix[11] != 5 {
		t.Error("the slice is not shared")
	}
	if _, err := Wrap(pix, 2, 3, 3); !errors.Is(err, ErrInvalid) {
		t.Errorf("a short slice: %v", err)
	}
	if _, err := Wrap([]uint8{}, 1, 1, 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty slice: %v", err)
	}
}

func TestCopyHost(t *testing.T) {
	a, b := newTestImage(t, 5, 4, 1, U8), newTestImage(t, 5, 4, 1, U8)
	a.RowU8(3)[4] = 7
	if err := CopyHost(context.Background(), b, a); err != nil || b.RowU8(3)[4] != 7 {
		t.Fatal(err)
	}
	if err := CopyHost(context.Background(), b, newTestImage(t, 5, 4, 1, U16)); !errors.Is(err, ErrInvalid) {
		t.Errorf("formats differ: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := CopyHost(ctx, b, a); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
