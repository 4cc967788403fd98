package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/container"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
)

// limitMemory holds the process to the budget: pixels in the pool, everything else under
// the garbage collector's limit. restore undoes it.
func limitMemory(o *options) (pixels int64, restore func()) {
	pixels = o.memory - 64<<20 // the program itself, codecs' tables and the like
	kernels.Host.SetLimit(pixels)
	heap := debug.SetMemoryLimit(o.memory)
	// Nearly all of the heap is pixels, which the collector need not look into: collecting often costs
	// little, and garbage left lying costs fresh pages, a second per GiB.
	percent := debug.SetGCPercent(15)
	procs := runtime.GOMAXPROCS(min(o.jobs, runtime.NumCPU()))
	return pixels, func() {
		kernels.Host.SetLimit(0)
		debug.SetMemoryLimit(heap)
		debug.SetGCPercent(percent)
		runtime.GOMAXPROCS(procs)
	}
}

// gate lets work of known size in as long as the sum stays within its capacity, first
// come, first served. One that is larger than the capacity goes in alone.
type gate struct {
	mu    sync.Mutex
	room  int64
	total int64
	queue []chan struct{}
	wants []int64
}

func newGate(total int64) *gate { return &gate{room: total, total: total} }

// enter waits for room and returns what gives it back.
func (g *gate) enter(ctx context.Context, n int64) (leave func(), err error) {
	g.mu.Lock()
	n = max(0, min(n, g.total))
	c := make(chan struct{})
	g.queue, g.wants = append(g.queue, c), append(g.wants, n)
	g.admit()
	g.mu.Unlock()
	var once sync.Once
	leave = func() {
		once.Do(func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.room += n
			g.admit()
		})
	}
	select {
	case <-c:
		return leave, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-c: // let in meanwhile
		g.room += n
	default:
		for i := range g.queue {
			if g.queue[i] == c {
				g.queue, g.wants = append(g.queue[:i], g.queue[i+1:]...), append(g.wants[:i], g.wants[i+1:]...)
				break
			}
		}
	}
	g.admit()
	return nil, ctx.Err()
}

func (g *gate) admit() {
	for len(g.queue) > 0 && g.wants[0] <= g.room {
		g.room -= g.wants[0]
		close(g.queue[0])
		g.queue, g.wants = g.queue[1:], g.wants[1:]
	}
}

// estimate is the memory that opening a file takes at most and what its pixels take
// afterwards, from its header; zero where it is no photo.
func estimate(path string) (opening, pixels int64) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, 0
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	h, err := container.ReadHeader(f, info.Size())
	if err != nil || h.Pixels() > 150e6 {
		return 0, 0
	}
	sample := int64(1)
	if h.Bits > 8 {
		sample = 2
	}
	pixels = 3 * sample * h.Pixels()
	decoder := 4 * sample * h.Pixels() // the codec's own picture
	if h.Progressive {
		decoder += 12 * h.Pixels() // a JPEG's coefficients, 4 bytes for each sample
	}
	// Colour conversion and turning upright each need a second picture.
	return info.Size() + decoder + 2*pixels, pixels
}

// setNeed estimates the host memory that editing a set takes: its frames, two pictures in
// 16 bits, the masks and map, and the most that any stage asks for beside. With a device frames only
// pass through, two at a time, each beside its decoder's own picture; then come the gate's proxies, the file's samples and the map.
func setNeed(p realedit.Composite, s realedit.Set, device bool) int64 {
	f := s.Ref().Facts
	n := int64(f.Width) * int64(f.Height)
	var frames, largest, stage int64
	for _, ph := range s.Photos {
		pixels := int64(ph.Facts.Width) * int64(ph.Facts.Height) * 3 * int64(ph.Facts.Bits) / 8
		frames, largest = frames+pixels, max(largest, pixels)
	}
	if device {
		gate, _ := qc.Gate{}.Bytes(f.Width, f.Height)
		return max(4*largest, gate) + 7*n
	}
	for _, st := range p.Stages() {
		host, _ := realedit.StageBytes(st, s)
		stage = max(stage, host)
	}
	return frames + 15*n + stage
}
