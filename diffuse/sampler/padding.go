package sampler

// Padding says how a picture is brought to sides that tiles and latents fill: rows and columns are added below and on the right, so that
// picture coordinates stay what they are, and Source says which pixel an added one repeats. After sampling the picture's own part is cut
// out again: [0, Width)×[0, Height).
type Padding struct {
	Width, Height             int // the picture's sides in pixels
	PaddedWidth, PaddedHeight int // multiples of LatentScale, at least the picture's and the least sides
}

// Pad is the padding of a picture of width×height pixels to sides that are multiples of LatentScale and at least least: the tile's side, so that
// every tile is a full one, as networks with fixed shapes need. Errors: CodeBadOption for sides below 1 or above 2²⁴ pixels.
func Pad(width, height, least int) (Padding, error) {
	const most = 1 << 24
	if min(width, height, least) < 1 || max(width, height, least) > most {
		return Padding{}, bad("pad", "%d×%d pixels, at least %d: want 1 to %d", width, height, least, most)
	}
	up := func(n int) int { return (max(n, least) + LatentScale - 1) / LatentScale * LatentScale }
	return Padding{width, height, up(width), up(height)}, nil
}

// Latent is the padded picture's size in latents.
func (p Padding) Latent() (height, width int) {
	return p.PaddedHeight / LatentScale, p.PaddedWidth / LatentScale
}

// SourceX is the picture's column that column x of the padded picture repeats, SourceY the row of row y.
func (p Padding) SourceX(x int) int { return reflect(x, p.Width) }

// SourceY is the picture's row that row y of the padded picture repeats.
func (p Padding) SourceY(y int) int { return reflect(y, p.Height) }

// reflect mirrors i ≥ 0 at the middles of the first and the last of n pixels, as often as needed (numpy's mode "reflect": 0 1 2 1 0 1 2 …). Light
// and texture go on at the border; the border's own line is not doubled.
func reflect(i, n int) int {
	if n == 1 {
		return 0
	}
	i %= 2 * (n - 1)
	return min(i, 2*(n-1)-i)
}
