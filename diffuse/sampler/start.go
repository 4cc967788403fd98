package sampler

import "math"

// The default: weights for 8 steps, of which the last 2 are executed. They begin at σ 0.69, where a photograph's edges still stand out
// of the noise. The weights for 4 steps have the same level as their last; those for 8 can go on from σ 0.40.
const (
	DefaultSteps    = 8
	DefaultExecuted = 2
)

// Start says which steps of a schedule are executed when sampling begins from a photograph: Index … Steps−1, the last ones.
// Sampling begins on a step of the schedule, never between two: distilled weights know no other noise levels.
type Start struct {
	Index int // the first executed step; the schedule's number of steps if none is executed
	Steps int // the schedule's number of steps
}

// Executed is the number of steps that are executed, 0 for none: then the photograph stays as it is.
func (s Start) Executed() int { return s.Steps - s.Index }

// None says that no step is executed, because the strength is below the schedule's first share: there is nothing to run.
func (s Start) None() bool { return s.Executed() == 0 }

// Full says that all steps are executed, which is so for strength 1 only.
func (s Start) Full() bool { return s.Index == 0 }

// StartAt is the start for a strength in [0, 1], as diffusers' get_timesteps has it:
//
//	executed = min(⌊N·strength⌋, N)        index = N − executed
//
// with the product in float64. So N = 8 knows strengths in eighths, and below 1/N no step is executed: that is an answer (None), not an
// error. A strength outside [0, 1] or NaN is CodeBadOption.
func (s *Schedule) StartAt(strength float64) (Start, error) {
	if math.IsNaN(strength) || strength < 0 || strength > 1 {
		return Start{}, bad("start", "strength %v is not in [0, 1]", strength)
	}
	n := s.Steps()
	return s.StartWith(min(int(float64(float64(n)*strength)), n))
}

// StartWith is the start that executes the last steps of the schedule, as many as said: 0 to N, else CodeBadOption.
func (s *Schedule) StartWith(executed int) (Start, error) {
	if executed < 0 || executed > s.Steps() {
		return Start{}, bad("start", "%d executed steps of %d", executed, s.Steps())
	}
	return Start{Index: s.Steps() - executed, Steps: s.Steps()}, nil
}

// Default is the default schedule with its start: DefaultSteps and DefaultExecuted.
func Default() (*Schedule, Start) {
	s, err := NewSchedule(DefaultSteps, Epsilon)
	if err != nil {
		panic(err) // the constants above are wrong
	}
	start, err := s.StartWith(DefaultExecuted)
	if err != nil {
		panic(err)
	}
	return s, start
}

// AddNoise writes x = z₀ + noise·σ_i into dst: the latents at the beginning of step i, and z₀ itself for i = N. All slices have one length;
// dst may be z0 or noise. Img2img starts so at strength 1, too: the photograph is not left out. Errors: CodeBadOption.
func (s *Schedule) AddNoise(dst, z0, noise []float32, i int) error {
	if err := sameLength("add noise", dst, z0, noise); err != nil {
		return err
	}
	if i < 0 || i > s.Steps() {
		return bad("add noise", "step %d of %d", i, s.Steps())
	}
	sigma := s.sigmas[i]
	for j, z := range z0 {
		dst[j] = z + float32(noise[j]*sigma)
	}
	return nil
}
