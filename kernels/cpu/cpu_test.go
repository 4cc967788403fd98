//go:build cgo

package cpu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/realedit/realedit/kernels/ref"
)

// The same bits for every instruction set and number of threads, for every operation.
func TestSameBits(t *testing.T) {
	best := ISA()
	defer ForceISA(best)
	want := kerneltest.Digests(t, New(2))
	cases := map[string]int{}
	for name := range want {
		op, _, _ := strings.Cut(name, "/")
		cases[op]++
	}
	for _, op := range kernels.OpNames() {
		if cases[op] == 0 {
			t.Errorf("no case of %s ran", op)
		}
	}
	for isa := range best + 1 {
		ForceISA(isa)
		for threads := 1; threads <= 3; threads++ {
			if isa == best && threads == 2 {
				continue
			}
			kerneltest.RequireSame(t, fmt.Sprintf("isa %d, %d threads", isa, threads), want, kerneltest.Digests(t, New(threads)))
		}
	}
}

func TestInPlace(t *testing.T) { kerneltest.TestInPlace(t, New(2)) }

// Every operation against the reference; TestSameBits carries it to the other instruction sets.
func TestAgainstReference(t *testing.T) { kerneltest.Test(t, ref.New(), New(2)) }

// Large pictures are copied in bands, and say what is wrong as small ones do.
func TestCopyLarge(t *testing.T) {
	b := New(3)
	src, err := b.NewImage(701, 601, 3, kernels.U16)
	if err != nil {
		t.Fatal(err)
	}
	dst, _ := b.NewImage(701, 601, 3, kernels.U16)
	for y := range 601 {
		for x, row := 0, src.RowU16(y); x < len(row); x++ {
			row[x] = uint16(y*7919 + x*104729)
		}
	}
	if err := b.Copy(t.Context(), dst, src); err != nil {
		t.Fatal(err)
	}
	for y := range 601 {
		if !slices.Equal(dst.RowU16(y), src.RowU16(y)) {
			t.Fatalf("row %d differs", y)
		}
	}
	other, _ := b.NewImage(701, 600, 3, kernels.U16)
	if err := b.Copy(t.Context(), other, src); !errors.Is(err, kernels.ErrInvalid) {
		t.Errorf("another size: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Copy(over, dst, src); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
