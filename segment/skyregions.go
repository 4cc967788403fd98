package segment

import "math"

// skyRegions divide a picture by Felzenszwalb and Huttenlocher 2004: edges between 8-neighbours in rising order join two regions unless the edge is
// larger than both regions' inner difference + k/size. Regions under least pixels join their nearest neighbour.
type skyRegions struct {
	label []int32 // per pixel, 0..n-1 in raster order of first pixels
	n     int
}

// skyEdges are a picture's edges in rising order, made once for several k.
type skyEdges struct {
	w, h   int
	a, b   []int32
	weight []float32
}

// newSkyEdges takes the Euclidean distance of the planes' values for weight. Weights are sorted in steps of 1/4096, equal ones in raster order.
func newSkyEdges(planes ...*skyPlane) *skyEdges {
	w, h := planes[0].w, planes[0].h
	n := 4 * w * h
	e := &skyEdges{w: w, h: h}
	a, b, weight := make([]int32, 0, n), make([]int32, 0, n), make([]float32, 0, n)
	const steps = 4096
	var count [steps + 1]int32
	add := func(i, j int) {
		var s float32
		for _, p := range planes {
			d := p.v[i] - p.v[j]
			s += d * d
		}
		s = float32(math.Sqrt(float64(s)))
		a, b, weight = append(a, int32(i)), append(b, int32(j)), append(weight, s)
		count[min(int(s*steps), steps-1)+1]++
	}
	for y := range h {
		for x := range w {
			i := y*w + x
			if x+1 < w {
				add(i, i+1)
			}
			if y+1 < h {
				add(i, i+w)
				if x+1 < w {
					add(i, i+w+1)
				}
				if x > 0 {
					add(i, i+w-1)
				}
			}
		}
	}
	for i := range steps {
		count[i+1] += count[i]
	}
	e.a, e.b, e.weight = make([]int32, len(a)), make([]int32, len(a)), make([]float32, len(a))
	for i, s := range weight {
		at := &count[min(int(s*steps), steps-1)]
		e.a[*at], e.b[*at], e.weight[*at] = a[i], b[i], s
		*at++
	}
	return e
}

func (e *skyEdges) divide(k float32, least int32) *skyRegions {
	n := e.w * e.h
	parent, size, inner := make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range parent {
		parent[i], size[i], inner[i] = int32(i), 1, k
	}
	root := func(i int32) int32 {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	join := func(a, b int32) int32 {
		if size[a] < size[b] || size[a] == size[b] && b < a {
			a, b = b, a
		}
		parent[b] = a
		size[a] += size[b]
		return a
	}
	for i, wt := range e.weight {
		a, b := root(e.a[i]), root(e.b[i])
		if a != b && wt <= inner[a] && wt <= inner[b] {
			r := join(a, b)
			inner[r] = wt + k/float32(size[r])
		}
	}
	for i := range e.weight {
		if a, b := root(e.a[i]), root(e.b[i]); a != b && (size[a] < least || size[b] < least) {
			join(a, b)
		}
	}
	r := &skyRegions{label: make([]int32, n)}
	number := make([]int32, n)
	for i := range n {
		at := root(int32(i))
		if number[at] == 0 {
			r.n++
			number[at] = int32(r.n)
		}
		r.label[i] = number[at] - 1
	}
	return r
}

// mean spreads each region's mean of p back to its pixels.
func (r *skyRegions) mean(p *skyPlane) *skyPlane {
	sum, n := make([]float64, r.n), make([]float64, r.n)
	for i, l := range r.label {
		sum[l] += float64(p.v[i])
		n[l]++
	}
	return r.paint(p.w, p.h, func(l int) float32 { return float32(sum[l] / n[l]) })
}

// paint gives every pixel its region's value.
func (r *skyRegions) paint(w, h int, value func(label int) float32) *skyPlane {
	of := make([]float32, r.n)
	for l := range of {
		of[l] = value(l)
	}
	out := newSkyPlane(w, h)
	for i, l := range r.label {
		out.v[i] = of[l]
	}
	return out
}
