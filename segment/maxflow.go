package segment

// flowGrid is a graph of pixels with arcs to their 8 neighbours and to two terminals, source and sink. Capacities are integers, so that a cut
// does not depend on rounding. cut finds a minimum cut as Boykov and Kolmogorov 2004: two trees grow from the terminals, augment where
// they meet, and adopt what an augmentation cuts off.
type flowGrid struct {
	w, h   int
	step   [8]int32   // from a pixel to its neighbours
	arc    [][8]int32 // residual capacity towards neighbour d
	excess []int32    // residual capacity from the source, negative: to the sink
	parent []int8     // -3 none, -2 the terminal, -1 orphan, else the direction of the parent
	sink   []bool     // the tree that a pixel with a parent belongs to
	stamp  []int32
	far    []int32 // steps to the terminal as of stamp
	queued []bool
}

// flowSearch is the search among the pixels from lo to before hi: no way leads out of them.
type flowSearch struct {
	*flowGrid
	lo, hi int32
	clock  int32
	active []int32 // a queue with head
	head   int
	orphan []int32
}

const (
	noParent = int8(-3)
	terminal = int8(-2)
	orphaned = int8(-1)
)

// Directions in raster order; 7-d is the way back.
var stepX, stepY = [8]int{-1, 0, 1, -1, 1, -1, 0, 1}, [8]int{-1, -1, -1, 0, 0, 1, 1, 1}

func newFlowGrid(w, h int) *flowGrid {
	n := w * h
	g := &flowGrid{w: w, h: h, arc: make([][8]int32, n), excess: make([]int32, n), parent: make([]int8, n), sink: make([]bool, n),
		stamp: make([]int32, n), far: make([]int32, n), queued: make([]bool, n)}
	for d := range g.step {
		g.step[d] = int32(stepY[d]*w + stepX[d])
	}
	return g
}

// at is the neighbour of i in direction d. Arcs that leave the picture have no capacity, so that it is only asked for where there is one.
func (g *flowGrid) at(i int32, d int) int32 { return i + g.step[d&7] }

func (s *flowSearch) activate(i int32) {
	if !s.queued[i] {
		s.queued[i] = true
		s.active = append(s.active, i)
	}
}

// flowRows is how many rows are searched apart at first.
const flowRows = 27

// cut finds the flow; inSource then tells the sides. What flows within bands of rows is found first, bands side by side, and what flows between them then. Whatever
// flows already may be in the arcs and excesses: which pixels the source reaches in the end does not depend on the order in which ways are filled.
func (g *flowGrid) cut() {
	bands := max(1, g.h/flowRows)
	if bands > 1 {
		onAll(bands, func(k int) { g.search(k*g.h/bands, (k+1)*g.h/bands) })
	}
	g.search(0, g.h)
}

// search finds the flow within some rows.
func (g *flowGrid) search(y0, y1 int) {
	s := &flowSearch{flowGrid: g, lo: int32(y0 * g.w), hi: int32(y1 * g.w)}
	clear(g.queued[s.lo:s.hi])
	clear(g.stamp[s.lo:s.hi])
	s.pushToNeighbours()
	for i := s.lo; i < s.hi; i++ {
		g.parent[i] = noParent
		if e := g.excess[i]; e != 0 {
			g.parent[i], g.sink[i], g.far[i] = terminal, e < 0, 1
			s.activate(i)
		}
	}
	for s.head < len(s.active) {
		i := s.active[s.head]
		if g.parent[i] == noParent {
			g.queued[i] = false
			s.head++
			continue
		}
		from, d, found := s.growFrom(i)
		if !found {
			g.queued[i] = false
			s.head++
			if s.head > 1<<16 {
				s.active = append(s.active[:0], s.active[s.head:]...)
				s.head = 0
			}
			continue
		}
		s.clock++
		s.augment(from, d)
		for len(s.orphan) > 0 {
			o := s.orphan[len(s.orphan)-1]
			s.orphan = s.orphan[:len(s.orphan)-1]
			s.adopt(o)
		}
	}
}

// pushToNeighbours sends what fits from the source over one arc to the sink. The trees would find these ways first, and at a higher price.
func (s *flowSearch) pushToNeighbours() {
	for i := s.lo; i < s.hi; i++ {
		e := s.excess[i]
		if e <= 0 {
			continue
		}
		for d := range s.step {
			k := s.arc[i][d]
			if k == 0 {
				continue
			}
			j := s.at(i, d)
			if j < s.lo || j >= s.hi {
				continue
			}
			if flow := min(e, k, -s.excess[j]); flow > 0 {
				e -= flow
				s.arc[i][d] -= flow
				s.arc[j][7-d] += flow
				s.excess[j] += flow
			}
		}
		s.excess[i] = e
	}
}

// growFrom lets the tree of i take free neighbours, until it meets the other tree: then from is the end in the source's tree and d leads to the other's.
func (g *flowSearch) growFrom(i int32) (from int32, d int, found bool) {
	for d := range 8 {
		if g.sink[i] {
			j := i + g.step[d]
			if j < g.lo || j >= g.hi || g.arc[j][7-d] == 0 {
				continue
			}
			if g.parent[j] == noParent {
				g.sink[j], g.parent[j], g.stamp[j], g.far[j] = true, int8(7-d), g.stamp[i], g.far[i]+1
				g.activate(j)
			} else if !g.sink[j] {
				return j, 7 - d, true
			} else if g.stamp[j] <= g.stamp[i] && g.far[j] > g.far[i] {
				g.parent[j], g.stamp[j], g.far[j] = int8(7-d), g.stamp[i], g.far[i]+1
			}
			continue
		}
		if g.arc[i][d] == 0 {
			continue
		}
		j := g.at(i, d)
		if j < g.lo || j >= g.hi {
			continue
		}
		if g.parent[j] == noParent {
			g.sink[j], g.parent[j], g.stamp[j], g.far[j] = false, int8(7-d), g.stamp[i], g.far[i]+1
			g.activate(j)
		} else if g.sink[j] {
			return i, d, true
		} else if g.stamp[j] <= g.stamp[i] && g.far[j] > g.far[i] {
			g.parent[j], g.stamp[j], g.far[j] = int8(7-d), g.stamp[i], g.far[i]+1
		}
	}
	return 0, 0, false
}

// augment pushes what fits along the way source … from → … sink.
func (g *flowSearch) augment(from int32, d int) {
	to := g.at(from, d)
	flow := g.arc[from][d]
	i := from
	for g.parent[i] != terminal {
		p := int(g.parent[i])
		j := g.at(i, p)
		flow = min(flow, g.arc[j][7-p])
		i = j
	}
	flow = min(flow, g.excess[i])
	i = to
	for g.parent[i] != terminal {
		p := int(g.parent[i])
		flow = min(flow, g.arc[i][p])
		i = g.at(i, p)
	}
	flow = min(flow, -g.excess[i])

	g.arc[from][d] -= flow
	g.arc[to][7-d] += flow
	i = from
	for g.parent[i] != terminal {
		p := int(g.parent[i])
		j := g.at(i, p)
		g.arc[i][p] += flow
		if g.arc[j][7-p] -= flow; g.arc[j][7-p] == 0 {
			g.parent[i] = orphaned
			g.orphan = append(g.orphan, i)
		}
		i = j
	}
	if g.excess[i] -= flow; g.excess[i] == 0 {
		g.parent[i] = orphaned
		g.orphan = append(g.orphan, i)
	}
	i = to
	for g.parent[i] != terminal {
		p := int(g.parent[i])
		j := g.at(i, p)
		g.arc[j][7-p] += flow
		if g.arc[i][p] -= flow; g.arc[i][p] == 0 {
			g.parent[i] = orphaned
			g.orphan = append(g.orphan, i)
		}
		i = j
	}
	if g.excess[i] += flow; g.excess[i] == 0 {
		g.parent[i] = orphaned
		g.orphan = append(g.orphan, i)
	}
}

// open is the residual capacity that keeps i in its tree under the neighbour in direction d.
func (g *flowGrid) open(i, j int32, d int) bool {
	if g.sink[i] {
		return g.arc[i][d] > 0
	}
	return g.arc[j][7-d] > 0
}

// adopt finds an orphan the nearest parent whose way to the terminal holds, or sets it free.
func (g *flowSearch) adopt(i int32) {
	best, nearest := noParent, int32(1<<30)
	for d := range 8 {
		j := i + g.step[d]
		if j < g.lo || j >= g.hi || g.parent[j] == noParent || g.sink[j] != g.sink[i] || !g.open(i, j, d) {
			continue
		}
		n, ok := g.origin(j)
		if ok && n < nearest {
			best, nearest = int8(d), n
		}
	}
	if best != noParent {
		g.parent[i], g.stamp[i], g.far[i] = best, g.clock, nearest+1
		return
	}
	for d := range 8 {
		j := i + g.step[d]
		if j < g.lo || j >= g.hi || g.parent[j] == noParent || g.sink[j] != g.sink[i] {
			continue
		}
		if g.open(i, j, d) {
			g.activate(j)
		}
		if p := g.parent[j]; p >= 0 && int(p) == 7-d {
			g.parent[j] = orphaned
			g.orphan = append(g.orphan, j)
		}
	}
	g.parent[i] = noParent
}

// origin is the number of steps from j to its terminal, if its way does not end in an orphan; it notes the steps on the way.
func (g *flowSearch) origin(j int32) (int32, bool) {
	n, k := int32(0), j
	for {
		if g.stamp[k] == g.clock {
			n += g.far[k]
			break
		}
		p := g.parent[k]
		n++
		if p == terminal {
			g.stamp[k], g.far[k] = g.clock, 1
			break
		}
		if p == orphaned || p == noParent {
			return 0, false
		}
		k = g.at(k, int(p))
	}
	for k, m := j, n; g.stamp[k] != g.clock; m-- {
		g.stamp[k], g.far[k] = g.clock, m
		k = g.at(k, int(g.parent[k]))
	}
	return n, true
}

// inSource tells whether pixel i is on the source's side; what neither tree reached is on the sink's.
func (g *flowGrid) inSource(i int) bool { return g.parent[i] != noParent && !g.sink[i] }
