package sampler

import (
	"math"
)

// TrainingTimesteps is the number of noise levels that Stable Diffusion XL was trained with.
const TrainingTimesteps = 1000

// Prediction says what the network's output is.
type Prediction int

const (
	// Epsilon: the network predicts the noise ε in x = x₀ + σ·ε. SDXL, and SDXL-Lightning for 2, 4 and 8 steps.
	Epsilon Prediction = iota
	// Sample: the network predicts x₀ itself. SDXL-Lightning for 1 step.
	Sample
)

// Schedule is the noise levels of a sampling: diffusers' EulerDiscreteScheduler with scaled_linear betas (0.00085 to 0.012),
// trailing spacing, linear interpolation and final_sigmas_type "zero" (Karras et al. 2022, algorithm 2 without churn, on the levels of
// Rombach et al. 2022; trailing spacing is from Lin et al. 2024, table 2).
//
//	βᵢ = (√0.00085 + i/999·(√0.012 − √0.00085))²        i = 0 … 999
//	ᾱᵢ = Π (1 − βⱼ), j ≤ i        σ(i) = √((1 − ᾱᵢ)/ᾱᵢ)
//	t_k = round(1000 − k·1000/N) − 1        σ_k = σ(t_k), k = 0 … N−1,        σ_N = 0
//
// A schedule is not changed after it is made and may be used from several goroutines.
type Schedule struct {
	prediction Prediction
	timesteps  []float32
	sigmas     []float32
}

// NewSchedule is the schedule of n steps. SDXL-Lightning is distilled for fixed timesteps, so n has to be the number that the weights
// are made for: 2, 4 or 8 with Epsilon, 1 with Sample. Else the error's code is CodeBadOption.
func NewSchedule(n int, p Prediction) (*Schedule, error) {
	switch {
	case p == Epsilon && (n == 2 || n == 4 || n == 8), p == Sample && n == 1:
	case p != Epsilon && p != Sample:
		return nil, bad("schedule", "prediction %d is not known", p)
	default:
		return nil, bad("schedule", "%d steps: want 2, 4 or 8 with weights that predict noise, 1 with weights that predict the picture", n)
	}
	all := trainingSigmas()
	s := &Schedule{prediction: p}
	for k := range n {
		t := TrainingTimesteps - k*TrainingTimesteps/n - 1 // a whole number for these n, so nothing is rounded or interpolated
		s.timesteps = append(s.timesteps, float32(t))
		s.sigmas = append(s.sigmas, all[t])
	}
	s.sigmas = append(s.sigmas, 0)
	return s, nil
}

// trainingSigmas are σ(i) with the roundings of torch on a CPU: torch.linspace counts from the nearer end and rounds once, torch.cumprod
// keeps its product in float64 and rounds what it writes, the rest is float32.
func trainingSigmas() [TrainingTimesteps]float32 {
	const n = TrainingTimesteps
	first, last := float32(math.Sqrt(0.00085)), float32(math.Sqrt(0.012))
	step := float64((last - first) / (n - 1))
	product := 1.0
	var sigmas [n]float32
	for i := range n {
		root := float32(float64(first) + float64(step*float64(i)))
		if i >= n/2 {
			root = float32(float64(last) - float64(step*float64(n-1-i)))
		}
		beta := float32(root * root)
		product = float64(product * float64(1-beta))
		kept := float32(product)
		sigmas[i] = sqrt32((1 - kept) / kept)
	}
	return sigmas
}

// sqrt32 is the correctly rounded float32 root: rounding a float64 root once more gives it.
func sqrt32(v float32) float32 { return float32(math.Sqrt(float64(v))) }

// Steps is the number of steps N.
func (s *Schedule) Steps() int { return len(s.timesteps) }

// Prediction is what the network's output is taken for.
func (s *Schedule) Prediction() Prediction { return s.prediction }

// Timestep is t_i. It panics where i is not in [0, N).
func (s *Schedule) Timestep(i int) float32 { return s.timesteps[i] }

// Sigma is σ_i. It panics where i is not in [0, N].
func (s *Schedule) Sigma(i int) float32 { return s.sigmas[i] }

// inRange refuses a step's index outside [0, N).
func (s *Schedule) inRange(op string, i int) error {
	if i < 0 || i >= s.Steps() {
		return bad(op, "step %d of %d", i, s.Steps())
	}
	return nil
}
