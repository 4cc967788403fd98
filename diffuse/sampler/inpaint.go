package sampler

// Mask says which parts of a picture are painted anew: 1 = anew, 0 = kept, and nothing between.
type Mask struct {
	Height, Width int
	Values        []float32 // [Height, Width], 0 or 1; a network's mask channel takes them as they are
}

// NewMask binarises values [height, width] in [0, 1]: 1 from ½ on, else 0, NaN too. Errors: CodeBadOption.
func NewMask(height, width int, values []float32) (*Mask, error) {
	if height < 1 || width < 1 || len(values) != height*width {
		return nil, bad("mask", "%d values for [%d, %d]", len(values), height, width)
	}
	m := &Mask{height, width, make([]float32, len(values))}
	for i, v := range values {
		if v >= 0.5 {
			m.Values[i] = 1
		}
	}
	return m, nil
}

// over refuses planes that are not of the mask's size.
func (m *Mask) over(op string, planes ...[]float32) error {
	n := len(m.Values)
	if n < 1 || n != m.Height*m.Width {
		return bad(op, "mask [%d, %d] of %d values", m.Height, m.Width, n)
	}
	for _, p := range planes {
		if len(p)%n != 0 || len(p) == 0 {
			return bad(op, "%d values under a mask of [%d, %d]", len(p), m.Height, m.Width)
		}
	}
	return nil
}

// InpaintNoise writes the latents at the beginning of an inpainting into dst: AddNoise, but for a full start (strength 1), which leaves
// the photograph out: x = noise·σ_0 (diffusers' StableDiffusionXLInpaintPipeline). Errors: CodeBadOption.
func (s *Schedule) InpaintNoise(dst, z0, noise []float32, start Start) error {
	if start.Steps != s.Steps() || start.Index < 0 {
		return bad("inpaint noise", "a start of %d steps for a schedule of %d", start.Steps, s.Steps())
	}
	if err := sameLength("inpaint noise", dst, z0, noise); err != nil {
		return err
	}
	if !start.Full() {
		return s.AddNoise(dst, z0, noise, start.Index)
	}
	for i, v := range noise {
		dst[i] = float32(v * s.sigmas[0])
	}
	return nil
}

// InpaintBlend puts the kept parts back after step i, for networks of 4 channels (diffusers' StableDiffusionXLInpaintPipeline; Avrahami et al. 2023):
//
//	x ← (1−m)·(z₀ + noise·σ_{i+1}) + m·x
//
// with the same noise at every step; after the last step σ = 0, so that kept parts are z₀. m is 0 or 1, so this is a choice, and what is kept has
// no bit of x, not even its NaN. x, z0 and noise have any number of planes of the mask's size, in the sizes of latents. Errors: CodeBadOption.
func (s *Schedule) InpaintBlend(x, z0, noise []float32, m *Mask, i int) error {
	if err := sameLength("inpaint blend", x, z0, noise); err != nil {
		return err
	}
	if err := m.over("inpaint blend", x); err != nil {
		return err
	}
	if err := s.inRange("inpaint blend", i); err != nil {
		return err
	}
	sigma, n := s.sigmas[i+1], len(m.Values)
	for at := 0; at < len(x); at += n {
		for j, v := range m.Values {
			if v < 0.5 {
				x[at+j] = z0[at+j] + float32(noise[at+j]*sigma)
			}
		}
	}
	return nil
}

// InpaintInput writes the nine channels that an inpainting UNet is given into dst: scaled (4), the output of ScaleModelInput; the mask (1); masked (4), the
// latents of the picture with what is under the mask at 0 of [−1, 1], mid-grey, ScalingFactor included. Only the first four are scaled by σ. ControlNets are given the first four alone, and InpaintBlend is not for
// such networks. All are of one latent size. Errors: CodeBadOption.
func InpaintInput(dst, scaled []float32, m *Mask, masked []float32) error {
	if err := m.over("inpaint input", dst, scaled, masked); err != nil {
		return err
	}
	n := len(m.Values)
	if len(scaled) != 4*n || len(masked) != 4*n || len(dst) != 9*n {
		return bad("inpaint input", "%d, %d and %d values for 9, 4 and 4 channels of [%d, %d]", len(dst), len(scaled), len(masked), m.Height, m.Width)
	}
	copy(dst, scaled)
	copy(dst[4*n:], m.Values)
	copy(dst[5*n:], masked)
	return nil
}
