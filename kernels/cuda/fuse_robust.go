//go:build cuda && cgo

package cuda

// #include "fuse_robust.h"
import "C"

import (
	"unsafe"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/internal/robust"
)

// fuseRobust is docs/merge.md. The host makes the tables, half a millisecond in two parts; what does not need them runs
// meanwhile on the GPU: first the cells' histograms and the photos' windows, then, beside the weights, base and local contrast.
func (b *backend) fuseRobust(dst *kernels.Image, photos []*kernels.Image, o *kernels.FuseOptions) error {
	one := photos[0] // where it takes part alone
	err := b.do("Fuse", func(c *call) {
		if len(photos) == 1 {
			return
		}
		set := make([]C.re_robust_photo, len(photos))
		for i, p := range photos {
			at := c.in(p)
			set[i] = C.re_robust_photo{p: at.p, stride: at.stride}
			if len(o.Valid) > 0 && o.Valid[i] != nil {
				v := c.in(o.Valid[i])
				set[i].claim, set[i].claim_stride = v.p, v.stride
			}
		}
		m := newRobustMerge(c, dst, photos[0].Format())
		m.measure(set)
		lights, summary := m.summary()
		if c.err != nil {
			return
		}
		keep := m.plan.Select(lights)
		if len(keep) == 1 {
			one = photos[keep[0]]
			return
		}
		one = nil
		chosen := make([]C.re_robust_photo, len(keep))
		for k, i := range keep {
			chosen[k] = set[i]
		}
		if len(keep) < len(set) { // seldom: what was measured is of too many photos
			m.measure(chosen)
			_, summary = m.summary()
		} else {
			sums := make([][robust.Levels]uint64, len(keep))
			for k, i := range keep {
				sums[k] = summary.Sums[i]
			}
			summary.Sums = sums
			m.a.photos = table(c, chosen)
		}
		if c.err == nil {
			m.merge(robust.NewTables(summary), dst)
		}
	})
	if err != nil || one == nil {
		return err
	}
	return b.convert(dst, one)
}

// robustMerge is one merge being queued.
type robustMerge struct {
	c      *call
	a      *C.re_robust // by itself, for C may not see Go's pointers
	plan   robust.Plan
	format string
	valid  bool // some photo is not valid everywhere
	photos []C.re_robust_photo
	wait   func() []byte // for the summary
}

func newRobustMerge(c *call, dst *kernels.Image, f kernels.Format) *robustMerge {
	p := robust.NewPlan(dst.Width(), dst.Height())
	return &robustMerge{c: c, plan: p, format: f.String(), a: &C.re_robust{
		format: C.int32_t(f), w: C.int32_t(p.W), h: C.int32_t(p.H), step: C.int32_t(p.Step), lw: C.int32_t(p.LW), lh: C.int32_t(p.LH),
		cell: C.int32_t(p.Cell), gw: C.int32_t(p.GW), gh: C.int32_t(p.GH), every: C.int32_t(p.Every),
	}}
}

// size is the entries of a plane of reduced pixels.
func (m *robustMerge) size() int64 { return int64(m.plan.LW) * int64(m.plan.LH) }

// summaryWords are the 64 bits of a summary before its sums: counts.
const summaryWords = (2*robust.Levels + robust.Levels*robust.Levels) / 2

// measure queues the first look at all pixels, the fetch of what the host needs of it, and what else does not need
// the tables.
func (m *robustMerge) measure(photos []C.re_robust_photo) {
	c, a, n := m.c, m.a, int64(len(photos))
	m.photos, m.valid = photos, false
	for i := range photos {
		photos[i].plane = C.int64_t(i)
		m.valid = m.valid || photos[i].claim != 0
	}
	a.n, a.photos = C.int32_t(n), table(c, photos)
	pitch := (int64(m.plan.W) + 63) &^ 63
	a.scene, a.scene_stride = c.scratch(2*pitch*int64(m.plan.H)), C.int64_t(pitch)
	a.low, a.seen, a.whole = c.scratch(2*n*m.size()), c.scratch(m.size()), 0
	if m.valid {
		a.whole = c.scratch(n * m.size())
	}
	a.counts = c.scratch(4 * int64(m.plan.GW*m.plan.GH) * robust.Levels)
	a.columns = c.scratch(max(16*n, 4*(n+4)) * m.size())
	a.mean, a.sd = c.scratch(8*n*m.size()), c.scratch(8*n*m.size())

	words := summaryWords + n*(2+robust.Levels)
	a.windows = c.scratch(8 * words)
	a.all = a.windows + 4*robust.Levels*robust.Levels
	a.shared = a.all + 4*robust.Levels
	a.lights = a.shared + 4*robust.Levels
	a.sums = a.lights + C.uint64_t(16*n)
	c.fill(a.windows, 0, 8*words)

	boxes := max(1, min(256/m.plan.Step, int(48<<10/4/(2*n)-1))) // of reduced pixels a block
	a.span = C.int32_t(boxes * m.plan.Step)
	a.tiles = C.int32_t(over(m.plan.W, int(a.span)))
	name, each := "robust_measure_"+m.format, boxes+2
	if m.valid {
		name, each = name+"_valid", 2*boxes+2
	}
	launch(c, name, dims{x: int(a.tiles) * over(m.plan.H, m.plan.Step)}, dims{x: (int(a.span) + 31) &^ 31}, 4*int(n)*each, a)
	m.sum()
	a.tiles = C.int32_t(over(m.plan.LW, 32))
	launch(c, "robust_windows", dims{x: int(a.tiles) * over(m.plan.LH, 32)}, dims{x: 256}, 0, a)
	m.wait = fetchAsync(c, a.windows, int(8*words))
	if !m.valid {
		m.histogram()
	}
	for k := range robust.Steps {
		m.step(k)
		m.slide("robust_low_columns", int(n))
		m.along("robust_low_windows", int(n))
	}
}

func (m *robustMerge) sum() {
	launch(m.c, "robust_summary", dims{x: int((m.size() + 2047) / 2048), y: over(int(m.a.n), 16)}, dims{x: 256}, 0, m.a)
}

func (m *robustMerge) histogram() {
	launch(m.c, "robust_histogram", dims{x: m.plan.GW * m.plan.GH}, dims{x: 256}, 0, m.a)
}

// step chooses a step of local contrast.
func (m *robustMerge) step(k int) {
	s := robust.Steps[k]
	m.a.fit, m.a.radius, m.a.edge, m.a.noise = C.int32_t(k), C.int32_t(s.Radius), C.float(s.Edge), C.float(s.Noise)
}

// slide launches a kernel of sums down columns, of so many planes; along one of windows of rows.
func (m *robustMerge) slide(name string, planes int) {
	m.a.tiles = C.int32_t(over(m.plan.LW, 128))
	launch(m.c, name, dims{x: int(m.a.tiles) * over(m.plan.LH, 16), y: planes}, dims{x: 128}, 0, m.a)
}

func (m *robustMerge) along(name string, planes int) {
	m.a.tiles = C.int32_t(over(m.plan.LW, 512))
	launch(m.c, name, dims{x: int(m.a.tiles) * m.plan.LH, y: planes}, dims{x: 256}, 0, m.a)
}

// summary waits for what the host needs, by the order in which measure got the photos.
func (m *robustMerge) summary() ([]robust.Light, *robust.Summary) {
	buf := m.wait()
	if buf == nil {
		return nil, nil
	}
	n := len(m.photos)
	words := unsafe.Slice((*uint64)(unsafe.Pointer(&buf[0])), len(buf)/8)
	s := &robust.Summary{Sums: make([][robust.Levels]uint64, n)}
	counts := unsafe.Slice((*[robust.Levels]uint32)(unsafe.Pointer(&words[0])), robust.Levels+2)
	copy(s.Windows[:], counts)
	s.All, s.Shared = counts[robust.Levels], counts[robust.Levels+1]
	lights := make([]robust.Light, n)
	for i := range lights {
		lights[i] = robust.Light{Sum: words[summaryWords+2*i], Clipped: int(words[summaryWords+2*i+1])}
	}
	for i := range s.Sums {
		copy(s.Sums[i][:], words[summaryWords+2*n+i*robust.Levels:])
	}
	if s.Shared == [robust.Levels]uint32{} { // no reduced pixel is valid in all photos: then all count
		s.Shared = s.All
		m.a.everyone = 1
		m.c.fill(m.a.sums, 0, int64(8*n*robust.Levels))
		m.sum()
		m.a.everyone = 0
		fetch(m.c, s.Sums, m.a.sums)
	}
	return lights, s
}

// merge queues the rest: the photos are chosen and in order.
func (m *robustMerge) merge(t *robust.Tables, dst *kernels.Image) {
	c, a, n := m.c, m.a, int64(m.a.n)
	fixed := make([]C.re_robust_tables, 1)
	*(*[robust.Levels][robust.Ranges]float64)(unsafe.Pointer(&fixed[0].near)) = *t.Near()
	*(*[robust.Levels]float64)(unsafe.Pointer(&fixed[0].tone)) = t.Tone
	*(*[robust.Levels + 1][4]float32)(unsafe.Pointer(&fixed[0].curves)) = *t.Curves()
	*(*[robust.Detail + 1][2]float32)(unsafe.Pointer(&fixed[0].law)) = *t.LawSteps()
	a.tables = table(c, fixed)
	if m.valid {
		a.back = table(c, t.Back())
		a.tiles = C.int32_t(over(m.plan.W, 256))
		launch(c, "robust_repair_"+m.format, dims{x: int(a.tiles) * m.plan.H}, dims{x: 256}, 0, a)
		m.histogram()
	}
	cells := int64(m.plan.GW * m.plan.GH)
	a.cells, a.base = c.scratch(16*robust.Ranges*cells), c.scratch(4*robust.Ranges*cells)
	launch(c, "robust_cells", dims{x: over(int(cells), 4)}, dims{x: 128}, 0, a)
	launch(c, "robust_base", dims{x: over(int(cells)*robust.Ranges, 128)}, dims{x: 128}, 0, a)

	a.level, a.parts = c.scratch(4*m.size()), c.scratch(4*(n+4)*m.size())
	a.heads, a.shares = c.scratch(32*m.size()), c.scratch(8*n*m.size())
	launch(c, "robust_level", dims{x: int((m.size() + 127) / 128)}, dims{x: 128}, 0, a)
	for k := range robust.Steps {
		m.step(k)
		m.slide("robust_level_columns", 1)
		m.along("robust_parts", 1)
		m.slide("robust_part_columns", int(n)+4)
		m.along("robust_fit", 1)
	}

	a.weights = table(c, t.Weights())
	a.dst = c.out(dst)
	if a.dst.format == C.RE_U8 && (uint64(a.dst.p)|uint64(a.dst.stride))%4 == 0 {
		a.words = 1
	}
	const rows, across = 8, 128
	a.strips, a.gaps, a.tiles = C.int32_t(over(m.plan.Step, rows)), C.int32_t((across-1)/m.plan.Cell+2), C.int32_t(over(m.plan.W, across))
	name := "robust_merge_" + m.format
	if m.valid {
		name += "_valid"
	}
	between := 1 + over(m.plan.H-m.plan.Step/2, m.plan.Step) // rows of centres
	launch(c, name, dims{x: int(a.tiles) * int(a.strips) * between}, dims{x: across}, 16*robust.Ranges*int(a.gaps)*min(rows, m.plan.Step), a)
}
