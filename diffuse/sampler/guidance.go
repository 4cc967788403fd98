package sampler

// Keep says for each executed step whether a ControlNet works on it, for the share of the steps [start, end] that it is wanted for
// (diffusers' control_guidance_start and control_guidance_end):
//
//	keep_i = not (i/executed < start or (i+1)/executed > end)        i = 0 … executed−1
//
// in float64. Shares count executed steps, not the schedule's: with one executed step any narrowing switches the network off. A step that is
// not kept has conditioning scale 0, so the network need not run. 0 ≤ start < end ≤ 1 and executed ≥ 0, else CodeBadOption.
func Keep(start, end float64, executed int) ([]bool, error) {
	if !(start >= 0 && start < end && end <= 1) {
		return nil, bad("keep", "from %v to %v: want 0 ≤ start < end ≤ 1", start, end)
	}
	if executed < 0 {
		return nil, bad("keep", "%d executed steps", executed)
	}
	keep, n := make([]bool, executed), float64(executed)
	for i := range keep {
		keep[i] = float64(i)/n >= start && float64(i+1)/n <= end
	}
	return keep, nil
}
