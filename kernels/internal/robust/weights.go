package robust

import "math"

// Weights are the photos' shares of the colour by scene level, of Unit; their sum is Unit. They prefer the photos
// that show a level with contrast and near its merged luma.
func (t *Tables) Weights() [][Bins]uint16 {
	n := len(t.photos)
	w := make([][Levels]float64, n)
	for k := range Levels {
		var sum float64
		for i := range w {
			p := &t.photos[i]
			d := p.luma[k] - t.Tone[k]
			w[i][k] = sqr(sqr(p.slope[k]/t.best[k]+0.01))*math.Exp(-sqr(d)/(2*sqr(0.15))) + 1e-6*math.Exp(-20*math.Abs(d))
			sum += w[i][k]
		}
		for i := range w {
			w[i][k] /= sum
		}
	}
	for i := range w {
		w[i] = smooth(&w[i], 4)
	}
	weights := make([][Bins]uint16, n)
	v := make([]float64, n)
	for j := range Bins {
		var sum float64
		at := min(max((float64(j)+0.5)*Levels/Bins-0.5, 0), Levels-1)
		k := min(int(at), Levels-2)
		f := at - float64(k)
		for i := range v {
			v[i] = w[i][k] + (w[i][k+1]-w[i][k])*f
			sum += v[i]
		}
		var kept float64 // a photo with less than 1/512 is left out
		for i := range v {
			if v[i] < sum/512 {
				v[i] = 0
			}
			kept += v[i]
		}
		left, most := Unit, 0
		for i, a := range v {
			if a == 0 {
				continue
			}
			share := int(a/kept*Unit + 0.5)
			weights[i][j] = uint16(share)
			left -= share
			if a > v[most] {
				most = i
			}
		}
		weights[most][j] = uint16(int(weights[most][j]) + left)
	}
	return weights
}
