package jpegcoef

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// UnitSize is the number of coefficients of a coding unit: 64 for each of its blocks, in zigzag order.
func (f *File) UnitSize() int { return 64 * f.Blocks }

// reader decodes rows of units one after the other.
type reader struct {
	f    *File
	unit int // the next one
	left int // units until the restart interval ends
	b    bits
	dc   [4]int32
}

// at is a reader that begins with a unit, the first of a restart interval.
func (f *File) at(unit int) *reader { return &reader{f: f, unit: unit} }

// next decodes a row of units into dst.
func (r *reader) next(dst []int16) error {
	clear(dst)
	f := r.f
	for len(dst) > 0 {
		if r.left == 0 {
			r.left = f.Across * f.Down
			seg := 0
			if f.Restart > 0 {
				seg = r.unit / f.Restart
				r.left = min(f.Restart, r.left-r.unit)
			}
			r.b, r.dc = bits{p: f.segments[seg]}, [4]int32{}
		}
		for _, i := range f.order {
			dc, err := r.b.block((*[64]int16)(dst), &f.Components[i], r.dc[i])
			if err != nil {
				return err
			}
			r.dc[i] = dc
			dst = dst[64:]
		}
		r.unit++
		if r.left--; r.left == 0 {
			if err := r.b.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk is how many rows of units can be decoded on their own: those of a restart interval that begins with a row, else all.
func (f *File) chunk() int {
	if f.Restart > 0 && f.Restart%f.Across == 0 {
		return min(f.Down, f.Restart/f.Across)
	}
	return f.Down
}

// Rows decodes all coefficients on all processors. visit gets each row of units once, from the left unit to the right one (UnitSize each), in no order and from
// several goroutines; the row is its own until it returns. The error of the uppermost row that has one comes back, and context errors as
// they are; after an error rows may be missing.
func (f *File) Rows(ctx context.Context, visit func(y int, row []int16) error) error {
	return f.each(ctx, f.chunk(), func(y0, y1 int, row, _ []int16) error {
		r := f.at(y0 * f.Across)
		for y := y0; y < y1; y++ {
			if err := r.next(row); err != nil {
				return err
			}
			if err := visit(y, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// Pairs decodes two files of the same coding (SameCoding) side by side, as Rows does one.
func Pairs(ctx context.Context, f, g *File, visit func(y int, row, other []int16) error) error {
	if !f.SameCoding(g) {
		return malformed("two files of different codings have no coefficients to compare")
	}
	n := f.chunk()
	if n != g.chunk() {
		n = f.Down
	}
	return f.each(ctx, n, func(y0, y1 int, row, other []int16) error {
		r, s := f.at(y0*f.Across), g.at(y0*f.Across)
		for y := y0; y < y1; y++ {
			if err := r.next(row); err != nil {
				return err
			}
			if err := s.next(other); err != nil {
				return err
			}
			if err := visit(y, row, other); err != nil {
				return err
			}
		}
		return nil
	})
}

// each runs work for chunks of n rows.
func (f *File) each(ctx context.Context, n int, work func(y0, y1 int, row, other []int16) error) error {
	chunks := (f.Down + n - 1) / n
	errs := make([]error, chunks)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), chunks) {
		wg.Go(func() {
			size := f.Across * f.UnitSize()
			buf := make([]int16, 2*size)
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= chunks {
					return
				}
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = work(i*n, min(f.Down, (i+1)*n), buf[:size], buf[size:])
				}
				if errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
