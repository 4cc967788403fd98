package realedit

import "github.com/realedit/realedit/kernels"

// footprint is the most device memory that a set takes on its way through the stages: what the Work holds by then and
// what the stage takes beyond (Sizer), in the blocks that backends hand out. Frames come with a small copy and, where there are several, a mask each.
func footprint(stages []Stage, set Set) int64 {
	w, h := set.Ref().Facts.Width, set.Ref().Facts.Height
	if w < 1 || h < 1 {
		return 0
	}
	var held, most int64
	have := map[Key]bool{}
	for _, s := range stages {
		if c, ok := s.(Contract); ok {
			for _, k := range c.Gives() {
				if have[k] {
					continue
				}
				have[k] = true
				switch k {
				case KeyFrames:
					held += frameBytes(set)
				case KeyImage:
					held += kernels.ImageBytes(w, h, 3, kernels.U16)
				default:
					held += kernels.ImageBytes(w, h, 1, kernels.U8)
				}
			}
		}
		_, beyond := StageBytes(s, set)
		most = max(most, held+beyond)
	}
	return most + most/8 // the most that kernels.SizeClass adds
}

// frameBytes is what a set's frames take.
func frameBytes(set Set) (n int64) {
	f := kernels.U8
	for _, p := range set.Photos {
		if p.Facts.Bits > 8 {
			f = kernels.U16 // one deep photo makes all of them deep
		}
	}
	for _, p := range set.Photos {
		w, h := p.Facts.Width, p.Facts.Height
		n += kernels.ImageBytes(w, h, 3, f)
		if len(set.Photos) > 1 {
			sw, sh := SmallSize(w, h)
			n += kernels.ImageBytes(w, h, 1, kernels.U8) + kernels.ImageBytes(sw, sh, 3, kernels.F32)
		}
	}
	return n
}

// frugal are the stages with those that can do with less memory in their frugal form; false when none can.
func frugal(stages []Stage) ([]Stage, bool) {
	out, some := make([]Stage, len(stages)), false
	for i, s := range stages {
		out[i] = s
		if f, ok := s.(Frugal); ok {
			if less := f.Frugal(); less != nil {
				out[i], some = less, true
			}
		}
	}
	return out, some
}
