package robust

import (
	"math"
	"math/rand/v2"
	"testing"
)

// bracket is n exposures of w×h lumas: a ramp with ripples and a window 5 EV brighter, two EV apart, with noise.
func bracket(n, w, h int) [][]uint16 {
	r := rand.New(rand.NewPCG(1, 2))
	low := make([][]uint16, n)
	for i := range low {
		ev := 2*float64(i) - float64(n-1) + 2
		for j := range w * h {
			x, y := j%w, j/w
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			s := -6 + 3*u + v + 0.4*math.Sin(0.2*float64(x))*math.Cos(0.3*float64(y))
			if u > 0.3 && u < 0.7 && v > 0.2 && v < 0.6 {
				s += 5
			}
			low[i] = append(low[i], uint16(65535*min(1, max(0, math.Pow(2, (s+ev)/2.2)+0.02*(r.Float64()-0.5)))))
		}
	}
	return low
}

// The parts of the merge of five photos of 45 MP that this package does: Summarise and Base for backends of
// this memory, the others for all.
func BenchmarkTables(b *testing.B) {
	p := NewPlan(8192, 5464)
	low := bracket(5, p.LW, p.LH)
	s := Summarise(p, low, nil)
	t := NewTables(s)
	counts := make([]uint32, p.GW*p.GH*Levels)
	for j := range p.LW * p.LH {
		var sum int
		for _, l := range low {
			sum += int(l[j])
		}
		counts[(j/p.LW*p.Step/p.Cell*p.GW+j%p.LW*p.Step/p.Cell)*Levels+sum/len(low)>>8] += 16
	}
	for _, part := range []struct {
		name string
		do   func()
	}{
		{"Summarise", func() { Summarise(p, low, nil) }},
		{"NewTables", func() { NewTables(s) }},
		{"Curves", func() { t.Curves(); t.LawSteps() }},
		{"Weights", func() { t.Weights() }},
		{"Back", func() { t.Back() }},
		{"Near", func() { t.Near() }},
		{"Base", func() { t.Base(p, counts) }},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				part.do()
			}
		})
	}
}
