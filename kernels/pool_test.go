package kernels

import (
	"errors"
	"sync"
	"testing"
)

func TestPoolReuses(t *testing.T) {
	p := NewPool(0)
	const n = 5 << 20
	a, free, err := p.Get(n)
	if err != nil || len(a) != n {
		t.Fatalf("%d bytes, %v", len(a), err)
	}
	first := &a[0]
	free()
	free() // a second time does nothing
	if used, _, idle := p.Stats(); used != 0 || idle < n {
		t.Fatalf("%d in use, %d idle after free", used, idle)
	}
	b, free, err := p.Get(n - 1000) // the same size class
	if err != nil || &b[0] != first {
		t.Fatalf("the block was not reused (%v)", err)
	}
	if used, peak, idle := p.Stats(); used < n-1000 || peak < n || idle != 0 {
		t.Fatalf("in use %d, peak %d, idle %d", used, peak, idle)
	}
	free()
	p.Trim()
	if _, _, idle := p.Stats(); idle != 0 {
		t.Fatalf("%d idle after Trim", idle)
	}
}

func TestPoolLimit(t *testing.T) {
	p := NewPool(8 << 20)
	_, free, err := p.Get(6 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Get(3 << 20); !errors.Is(err, ErrOutOfMemory) {
		t.Fatalf("over the limit: %v", err)
	}
	free()
	// The idle 6 MiB must make room for another size.
	_, free, err = p.Get(4 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if used, _, idle := p.Stats(); used+idle > 8<<20 {
		t.Fatalf("%d in use and %d idle are over the limit", used, idle)
	}
	p.SetLimit(2 << 20)
	if _, _, err := p.Get(1); !errors.Is(err, ErrOutOfMemory) {
		t.Fatalf("over the lowered limit: %v", err)
	}
	free()
	if _, _, err := p.Get(-1); !errors.Is(err, ErrInvalid) {
		t.Fatalf("−1 bytes: %v", err)
	}
}

// What is asked for is at most an eighth larger in memory.
func TestPoolSizeClasses(t *testing.T) {
	for n := 1; n < 1<<30; n += 1 + n/7 {
		if c := SizeClass(n); c < n || n > smallBlock && float64(c) > 1.126*float64(n) || SizeClass(c) != c {
			t.Fatalf("%d bytes take %d (class of that: %d)", n, c, SizeClass(c))
		}
	}
}

func TestPoolConcurrent(t *testing.T) {
	p := NewPool(0)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				b, free, err := p.Get(int64(1<<17 + (i%5)<<14))
				if err != nil {
					t.Error(err)
					return
				}
				for k := 0; k < len(b); k += 4096 {
					b[k] = byte(g)
				}
				for k := 0; k < len(b); k += 4096 {
					if b[k] != byte(g) {
						t.Error("a block was handed out twice")
						free()
						return
					}
				}
				free()
			}
		})
	}
	wg.Wait()
	if used, _, _ := p.Stats(); used != 0 {
		t.Fatalf("%d bytes in use at the end", used)
	}
}

// What Reserve counts is in use, and those that OnFull names make room before anybody is refused.
func TestPoolReserve(t *testing.T) {
	p := NewPool(8 << 20)
	release, err := p.Reserve(6 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Reserve(3 << 20); !errors.Is(err, ErrHostMemory) {
		t.Fatalf("over the limit: %v", err)
	}
	var asked []int64
	first := p.OnFull(func(n int64) { asked = append(asked, n) }) // has nothing to give
	second := p.OnFull(func(n int64) { asked = append(asked, -n); release() })
	_, free, err := p.Get(4 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked[0] != 2<<20 || asked[1] != -2<<20 {
		t.Fatalf("asked for %v", asked)
	}
	release() // a second time does nothing
	if used, peak, _ := p.Stats(); used != 4<<20 || peak != 6<<20 {
		t.Fatalf("%d in use, %d at most", used, peak)
	}
	free()
	first()
	second()
	asked = nil
	if _, err := p.Reserve(9 << 20); !errors.Is(err, ErrHostMemory) || asked != nil {
		t.Fatalf("%v, asked for %v", err, asked)
	}
	if _, err := p.Reserve(-1); !errors.Is(err, ErrInvalid) {
		t.Fatalf("−1 bytes: %v", err)
	}
	// Idle blocks go rather than stand in the way.
	if _, err := p.Reserve(8 << 20); err != nil {
		t.Fatal(err)
	}
	if used, _, idle := p.Stats(); used+idle > 8<<20 {
		t.Fatalf("%d in use and %d idle are over the limit", used, idle)
	}
}
