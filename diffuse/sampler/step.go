package sampler

// ScaleModelInput writes x/√(σ_i² + 1) into dst, what networks are given at step i: unit variance if x₀ has it. dst may be x. Errors: CodeBadOption.
func (s *Schedule) ScaleModelInput(dst, x []float32, i int) error {
	if err := sameLength("scale model input", dst, x); err != nil {
		return err
	}
	if err := s.inRange("scale model input", i); err != nil {
		return err
	}
	sigma := s.sigmas[i]
	root := sqrt32(float32(sigma*sigma) + 1)
	for j, v := range x {
		dst[j] = v / root
	}
	return nil
}

// Step carries x from σ_i to σ_{i+1} in place, by Euler's rule without churn:
//
//	x ← x + ε·(σ_{i+1} − σ_i)
//
// with ε = out; a network that predicts the picture has one step, to which x ← out is the same rule.
// After the last step (σ = 0) x is what the output stands for: x₀ = x − σ_i·out. diffusers comes to the same number by way of x₀, ((x − x₀)/σ_i) for ε, whose
// roundings are of the size of σ_i·ε's last bit; the rule above has two. Errors: CodeBadOption.
func (s *Schedule) Step(x, out []float32, i int) error {
	if err := sameLength("step", x, out); err != nil {
		return err
	}
	if err := s.inRange("step", i); err != nil {
		return err
	}
	if s.prediction == Sample {
		copy(x, out) // the one step of such a schedule ends at σ = 0
		return nil
	}
	dt := s.sigmas[i+1] - s.sigmas[i]
	for j, v := range x {
		x[j] = v + float32(out[j]*dt)
	}
	return nil
}
