package realedit

import "math"

// shareError is how far a share may be from a count of pixels over their number: rounding.
const shareError = 1e-9

// ownShares checks the report's shares for themselves.
func (v *verifier) ownShares() {
	r, sum, known := v.r, 0.0, 0
	for c := ChangeNone; c < numChanges; c++ {
		s, ok := r.Shares[c.String()]
		if !ok {
			continue
		}
		known++
		if !(s > 0 && s <= 1) {
			v.add(ProblemShares, "", "the share of %v is %v", c, s)
		}
		sum += s
	}
	if known != len(r.Shares) {
		v.add(ProblemShares, "", "%d of the shares are of no change that is known", len(r.Shares)-known)
	}
	if !(math.Abs(sum-1) <= shareError) {
		v.add(ProblemShares, "", "the shares are %v together", sum)
	}
	if c := r.strongest(); c.Class() != r.Class {
		v.add(ProblemClass, "", "the class is %v, the strongest change with a share, %v, makes it %v", r.Class, c, c.Class())
	}
	if c := r.strongest(); !r.Policy.Allows(c) {
		v.add(ProblemPolicy, "", "policy %v forbids %v", r.Policy, c)
	}
}

// alterations is the map, checked against the report; nil where there is none that could be trusted to be the picture's.
func (v *verifier) alterations(a *artefact) *AlterationMap {
	if a == nil || a.changes == nil {
		if a != nil && a.mapErr != nil {
			v.add(ProblemMap, a.name, "%s", cause(a.mapErr))
		}
		return nil
	}
	r, m := v.r, a.changes
	strongest := m.Strongest()
	if strongest != r.strongest() {
		v.add(ProblemShares, "", "the strongest change of the map is %v, that with a share %v", strongest, r.strongest())
	}
	if strongest.Class() != r.Class {
		v.add(ProblemClass, "", "the class is %v, the map's strongest change, %v, makes it %v", r.Class, strongest, strongest.Class())
	}
	if c := r.strongest(); c != strongest && !r.Policy.Allows(strongest) {
		v.add(ProblemPolicy, "", "policy %v forbids %v, which the map has", r.Policy, strongest)
	}
	if a.reduced {
		v.reducedShares(m)
	} else {
		shares := m.Shares()
		for c := ChangeNone; c < numChanges; c++ {
			if s, want := r.Shares[c.String()], shares[c.String()]; !(math.Abs(s-want) <= shareError) {
				v.add(ProblemShares, "", "the share of %v is %v, in the map %v", c, s, want)
			}
		}
	}
	if a.reduced {
		return nil
	}
	return m
}

// reducedShares checks shares against a reduced map, as far as that can be done. A pixel of it is the strongest change of its block: of the pixels under a change or a stronger one there is at
// least one in each such block, and there are none beyond these blocks.
func (v *verifier) reducedShares(m *AlterationMap) {
	w, h := v.r.Output.Width, v.r.Output.Height
	sw, sh := m.Map.Width(), m.Map.Height()
	sizes := func(n, small int) []int64 {
		s := make([]int64, small)
		for i := range n {
			s[i*small/n]++
		}
		return s
	}
	across, down := sizes(w, sw), sizes(h, sh)
	var blocks, pixels [numChanges]int64
	for y := range sh {
		for x, c := range m.Map.RowU8(y) {
			blocks[c]++
			pixels[c] += across[x] * down[y]
		}
	}
	total := float64(w) * float64(h)
	var least, most int64
	share := 0.0
	for c := numChanges - 1; c > ChangeNone; c-- {
		least, most, share = least+blocks[c], most+pixels[c], share+v.r.Shares[c.String()]
		if lo, hi := float64(least)/total, float64(most)/total; !(share >= lo-shareError && share <= hi+shareError) {
			v.add(ProblemShares, "", "the share of %v and stronger changes is %v, after the map from %v to %v", c, share, lo, hi)
		}
	}
}
