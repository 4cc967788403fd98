package sampler

// TrainingSide is the side in pixels of the pictures that Stable Diffusion XL and SDXL-Lightning were trained on last.
const TrainingSide = 1024

// TimeIDs are the six numbers of SDXL's micro-conditioning (Podell et al. 2023, section 2.2), in pixels: [orig_h, orig_w, crop_top, crop_left,
// target_h, target_w]. They go to networks as float32: half precision is inexact above 2048. Sides below 1 and negative crops are CodeBadOption.
func TimeIDs(origHeight, origWidth, cropTop, cropLeft, targetHeight, targetWidth int) ([6]float32, error) {
	const most = 1 << 24 // float32 holds whole numbers up to here
	all := [6]int{origHeight, origWidth, cropTop, cropLeft, targetHeight, targetWidth}
	var ids [6]float32
	for i, v := range all {
		least := 1
		if i == 2 || i == 3 {
			least = 0
		}
		if v < least || v > most {
			return ids, bad("time ids", "%v: number %d is not in [%d, %d]", all, i, least, most)
		}
		ids[i] = float32(v)
	}
	return ids, nil
}

// TileTimeIDs are the numbers for a square tile of the given side in pixels: [s, s, 0, 0, s, s] with s = max(side, TrainingSide).
//
// Every tile has the same. A crop other than (0, 0) is what the training gave to pictures whose subject is cut, and asks for such a picture; where
// the tile lies in the photograph is told by the photograph itself, which the sampling begins from. An original size below 1024 is what small pictures that
// were enlarged had, and asks for their softness: a tile of 768 says 1024, so that it is drawn as part of a sharp one. This choice is by
// the meaning of the numbers; it has not been measured on pictures.
func TileTimeIDs(side int) ([6]float32, error) {
	s := max(side, TrainingSide)
	if side < 1 {
		s = side // refused by name below
	}
	return TimeIDs(s, s, 0, 0, s, s)
}
