package scene

import "math"

// Matches are the points of painted wall that both views of one room show, as pixel indices (in a, in b): every pixel of a
// whose middle lies on a wall, with the pixel of b that shows the point nearest to it. Both pixels and their four
// neighbours lie wholly on that wall, and no more than half a pixel is between the points. Walls are matt: their
// radiance is the same from both sides, so the pictures' difference there is the processing's.
func Matches(a, b *Scene) [][2]int {
	if a.room == nil || a.room != b.room {
		return nil
	}
	right, up, fwd := b.stage.axes()
	f := b.stage.focal()
	cx, cy := b.stage.centre()
	var out [][2]int
	for i := range a.Wall {
		if !a.inWall(i) {
			continue
		}
		p, pr := a.stage.point(i)
		d := p.sub(b.stage.cam.pos)
		z := d.dot(fwd)
		if pr == nil || z < 0.1 {
			continue
		}
		x, y := int(math.Round(cx+f*d.dot(right)/z)), int(math.Round(cy-f*d.dot(up)/z))
		if x < 0 || y < 0 || x >= b.W || y >= b.H || !b.inWall(y*b.W+x) {
			continue
		}
		q, other := b.stage.point(y*b.W + x)
		if across := q.sub(p).length() * math.Abs(q.sub(b.stage.cam.pos).unit().dot(pr.n)); other == pr && across < z/f {
			out = append(out, [2]int{i, y*b.W + x})
		}
	}
	return out
}

// inWall says whether a pixel and its neighbours show nothing but wall.
func (s *Scene) inWall(i int) bool {
	x, y := i%s.W, i/s.W
	if x == 0 || y == 0 || x == s.W-1 || y == s.H-1 {
		return false
	}
	return min(s.Wall[i], s.Wall[i-1], s.Wall[i+1], s.Wall[i-s.W], s.Wall[i+s.W]) > 0.999
}

// point is what a pixel's middle shows; nil where that is the outside.
func (s *stage) point(i int) (vec, *prim) {
	right, up, fwd := s.axes()
	cx, cy := s.centre()
	f := s.focal()
	d := fwd.add(right.scale((float64(i%s.width) - cx) / f)).add(up.scale((cy - float64(i/s.width)) / f)).unit()
	h, ok := s.w.tree.closest(s.cam.pos, d, 1e9, nil)
	if !ok {
		return vec{}, nil
	}
	return h.p, h.pr
}
