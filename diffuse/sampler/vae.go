package sampler

// ScalingFactor brings the VAE's latents of Stable Diffusion XL near unit variance (Podell et al. 2023; vae/config.json).
const ScalingFactor = 0.13025

// FromPosterior writes z₀ = ScalingFactor·mean into dst: the encoder's posterior mean, where diffusers draws from the posterior. The mean
// makes a picture repeatable, and its standard deviation is far below the noise of any step. dst may be mean. Errors: CodeBadOption.
func FromPosterior(dst, mean []float32) error {
	if err := sameLength("from posterior", dst, mean); err != nil {
		return err
	}
	for i, v := range mean {
		dst[i] = float32(v * ScalingFactor)
	}
	return nil
}

// ToDecoder writes x/ScalingFactor into dst: what the VAE's decoder is given. dst may be x. Errors: CodeBadOption.
func ToDecoder(dst, x []float32) error {
	if err := sameLength("to decoder", dst, x); err != nil {
		return err
	}
	for i, v := range x {
		dst[i] = v / ScalingFactor
	}
	return nil
}

// FromDecoder writes v/2 + ½, cut to [0, 1], into dst: the decoder's output as samples. NaN stays NaN: a VAE in half precision that
// overflows says so by it. dst may be v. Errors: CodeBadOption.
func FromDecoder(dst, v []float32) error {
	if err := sameLength("from decoder", dst, v); err != nil {
		return err
	}
	for i, p := range v {
		dst[i] = min(max(float32(p/2)+0.5, 0), 1)
	}
	return nil
}
