package kerneltest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/realedit/realedit/kernels"
)

// RepeatSizes are the shapes TestRepeats runs at.
var RepeatSizes = [][2]int{{5, 4}, {64, 33}, {161, 127}, {331, 70}, {517, 389}}

// TestRepeats calls every operation of every case n times on the same inputs, on all backends at once, and wants the same
// pixels and numbers every time and from every backend.
func TestRepeats(t *testing.T, n int, backends ...kernels.Backend) {
	found := make([]map[string][sha256.Size]byte, len(backends))
	var wg sync.WaitGroup
	for i, b := range backends {
		wg.Go(func() {
			found[i] = map[string][sha256.Size]byte{}
			for _, c := range Cases() {
				if !b.Ops().Has(c.Op) {
					continue
				}
				for _, size := range RepeatSizes {
					name := fmt.Sprintf("%s/%s/%d×%d", c.Op, c.Name, size[0], size[1])
					d, err := repeat(b, c, n, size[0], size[1])
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					found[i][name] = d
				}
			}
		})
	}
	wg.Wait()
	for i := range backends[1:] {
		RequireSame(t, fmt.Sprintf("backend %d", i+1), found[0], found[i+1])
	}
}

// repeat runs one case with an operation table that does everything n times.
func repeat(b kernels.Backend, c Case, n, w, h int) (sum [sha256.Size]byte, err error) {
	var differ error
	o := *b.Ops()
	op := reflect.ValueOf(&o).Elem().FieldByName(c.Op)
	once := reflect.ValueOf(op.Interface())
	op.Set(reflect.MakeFunc(op.Type(), func(args []reflect.Value) (results []reflect.Value) {
		var first [sha256.Size]byte
		for i := range n {
			if dst, ok := args[0].Interface().(*kernels.Image); ok && i > 0 && writesFirst(c.Op) {
				if err := poison(b, dst, byte(i)); err != nil {
					differ = err
				}
			}
			results = once.Call(args)
			d, err := digestCall(b, args, results)
			if err != nil {
				differ = err
			}
			if i == 0 {
				first = d
			} else if d != first && differ == nil {
				differ = fmt.Errorf("call %d made other bits than the first", i+1)
			}
		}
		return results
	}))
	m := NewMaker(b, 13)
	defer m.Close()
	out, err := c.Run(m, &o, w, h)
	if err == nil {
		err = differ
	}
	if err != nil {
		return sum, err
	}
	return digest(b, out)
}

// writesFirst tells whether an operation's first argument is what it writes.
func writesFirst(op string) bool {
	switch op {
	case "Histogram", "SSIM", "DeltaE":
		return false
	}
	return true
}

// poison overwrites an image, so that what an operation leaves out shows.
func poison(b kernels.Backend, m *kernels.Image, v byte) error {
	host, err := kernels.NewHostImage(nil, m.Width(), m.Height(), m.Channels(), m.Format())
	if err != nil {
		return err
	}
	defer host.Free()
	for y := range host.Height() {
		row := host.Row(y)
		for i := range row {
			row[i] = v ^ byte(i)
		}
	}
	return b.Copy(context.Background(), m, host)
}

// digestCall hashes all images among the arguments and all numbers among the results.
func digestCall(b kernels.Backend, args, results []reflect.Value) (sum [sha256.Size]byte, err error) {
	var out Output
	for _, a := range args {
		if m, ok := a.Interface().(*kernels.Image); ok && m != nil {
			out.Images = append(out.Images, m)
		}
	}
	h := sha256.New()
	d, err := digest(b, out)
	if err != nil {
		return sum, err
	}
	h.Write(d[:])
	for _, r := range results {
		fmt.Fprintf(h, "%v\n", r.Interface())
	}
	h.Sum(sum[:0])
	return sum, nil
}
