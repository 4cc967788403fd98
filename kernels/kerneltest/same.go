package kerneltest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sort"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// Digests runs every case on b and returns a hash of what each made, by case and
// size. Two backends, or one at two thread counts or instruction sets, compute the
// same when the maps are equal; see RequireSame.
func Digests(t *testing.T, b kernels.Backend) map[string][sha256.Size]byte {
	t.Helper()
	all := map[string][sha256.Size]byte{}
	for _, c := range Cases() {
		if !b.Ops().Has(c.Op) {
			continue
		}
		for _, size := range Sizes {
			name := fmt.Sprintf("%s/%s/%d×%d", c.Op, c.Name, size[0], size[1])
			out, m, err := run(b, c, 7, size[0], size[1], false)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			d, err := digest(b, out)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all[name] = d
			m.Close()
		}
	}
	return all
}

// RequireSame fails the test for every case whose digest differs.
func RequireSame(t *testing.T, what string, want, got map[string][sha256.Size]byte) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d cases ran, want %d", what, len(got), len(want))
	}
	var names []string
	for n := range want {
		if want[n] != got[n] {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		t.Errorf("%s: %s has other bits", what, n)
	}
}

func digest(b kernels.Backend, out Output) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, m := range out.Images {
		host, err := Download(b, m)
		if err != nil {
			return sum, err
		}
		fmt.Fprintln(h, host)
		for y := range host.Height() {
			h.Write(host.Row(y))
		}
		host.Free()
	}
	for _, v := range out.Scalars {
		binary.Write(h, binary.LittleEndian, math.Float64bits(v))
	}
	h.Sum(sum[:0])
	return sum, nil
}

// TestInPlace runs every case that takes its output from Maker.Dst apart and in
// place, on plain images and on windows, and wants the same bytes.
func TestInPlace(t *testing.T, b kernels.Backend) {
	tested := 0
	for _, c := range Cases() {
		if !b.Ops().Has(c.Op) {
			continue
		}
		before := tested
		for i, size := range Sizes {
			for _, window := range []bool{false, true} {
				made, err := inPlace(b, c, size[0], size[1], window)
				if err != nil {
					t.Errorf("%s/%s %d×%d window %v: %v", c.Op, c.Name, size[0], size[1], window, err)
				}
				tested += made
			}
			if i == 0 && tested == before {
				break // not an operation that works in place
			}
		}
	}
	if tested == 0 {
		t.Error("no case works in place")
	}
}

// inPlace compares one case apart and in place; 0 when the case has no such use.
func inPlace(b kernels.Backend, c Case, w, h int, window bool) (int, error) {
	const seed = 11
	m := NewMaker(b, seed)
	m.InPlace, m.Window = true, window
	got, err := c.Run(m, b.Ops(), w, h)
	defer m.Close()
	if err != nil || !m.shared {
		return 0, err
	}
	want, wm, err := run(b, c, seed, w, h, false)
	defer wm.Close()
	if err != nil {
		return 0, err
	}
	for i := range want.Images {
		a, err := Download(b, want.Images[i])
		if err != nil {
			return 0, err
		}
		g, err := Download(b, got.Images[i])
		if err != nil {
			return 0, err
		}
		for y := range a.Height() {
			if !bytes.Equal(a.Row(y), g.Row(y)) {
				return 0, fmt.Errorf("row %d of image %d differs in place", y, i)
			}
		}
		a.Free()
		g.Free()
	}
	return 1, m.Close()
}
