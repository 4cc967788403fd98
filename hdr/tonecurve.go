package hdr

import "math"

// toneMap is a monotone map from one photo's luma to another's, 256 entries over [0,1]:
// the intensity mapping function of Grossberg and Nayar 2003, from histograms alone, so
// that it needs neither the camera's response nor exposure data and hardly minds motion.
type toneMap [256]float32

// matchTone finds the map that takes a's luma distribution to b's over the pixels
// where both show the scene (valid may be nil).
func matchTone(a, b *plane, valid func(i int) bool) toneMap {
	var ha, hb [256]float64
	for i := range a.v {
		if valid == nil || valid(i) {
			ha[bin(a.v[i])]++
			hb[bin(b.v[i])]++
		}
	}
	return matchHistograms(&ha, &hb)
}

// matchHistograms finds the map that takes the distribution counted in ha to hb's. Both are summed up on the way.
func matchHistograms(ha, hb *[256]float64) toneMap {
	for i := 1; i < 256; i++ {
		ha[i] += ha[i-1]
		hb[i] += hb[i-1]
	}
	var m toneMap
	j := 0
	for i := range m {
		q := ha[i]
		if i > 0 {
			q = (ha[i] + ha[i-1]) / 2 // the middle of the bin's quantiles
		} else {
			q /= 2
		}
		for j < 255 && hb[j] < q {
			j++
		}
		lo := 0.0
		if j > 0 {
			lo = hb[j-1]
		}
		f := 0.5
		if hb[j] > lo {
			f = (q - lo) / (hb[j] - lo)
		}
		m[i] = float32((float64(j) + min(1, max(0, f))) / 256)
	}
	return m
}

func bin(v float32) int { return int(min(255, max(0, v*256))) }

// apply maps one luma value, linear between bin centres.
func (m *toneMap) apply(v float32) float32 {
	p := v*256 - 0.5
	if !(p > 0) {
		return m[0]
	}
	i := int(p)
	if i >= 255 {
		return m[255]
	}
	f := p - float32(i)
	return m[i]*(1-f) + m[i+1]*f
}

// usable bounds the luma that counts as neither clipped nor buried in noise.
const usableLow, usableHigh = 0.03, 0.97

func usable(v float32) bool { return v > usableLow && v < usableHigh && !math.IsNaN(float64(v)) }
