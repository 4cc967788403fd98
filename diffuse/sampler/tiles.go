package sampler

import "image"

// Tiling covers a plane with overlapping tiles of one full size, square but for OneTile's, in the order of their rows, and joins what was made of them.
//
// Its units are latents for the steps, and pixels in the tiling that Scaled makes of it for the VAE. package tile's Grid has as many
// tiles, but moves the last of a row back, so that one overlap may take nearly all of a tile while the others are the least; here overlaps are even,
// because the more two tiles share, the less a seam shows. package tile's assembly blends pictures for the eye; here
// tiles that agree have to come out with their own bits, at every step.
type Tiling struct {
	Height, Width int // the plane
	TileHeight    int
	TileWidth     int
	Rows, Columns int // tiles down and across
	y, x          axis
}

// NewTiling covers height×width latents with tiles of side×side that overlap their neighbours by at least overlap. Along each axis of n latents there are
//
//	k = 1 + ⌈(n − side)/(side − overlap)⌉ tiles, the i-th beginning at ⌊i·(n − side)/(k − 1)⌋
//
// the fewest that can be, with overlaps that differ by one latent at most. For 8183×5455 pixels that is, in tiles across × down, with an overlap of 64 pixels 12×8 of
// 768², 9×6 of 1024², 7×5 of 1280²; with 96 pixels 13×8, 9×6 and 7×5.
//
// side is a multiple of 8 (64 pixels; the UNet halves its input twice) and no larger than the plane: Pad makes it so. 0 ≤ overlap < side. Planes of more than 2¹⁷ latents
// a side and more than 2²⁰ tiles are refused. Errors: CodeBadOption.
func NewTiling(height, width, side, overlap int) (*Tiling, error) {
	const most = 1 << 17
	if side < 8 || side%8 != 0 || overlap < 0 || overlap >= side {
		return nil, bad("tiling", "side %d, overlap %d: want a side that is a multiple of 8 and an overlap in [0, side)", side, overlap)
	}
	if min(height, width) < side || max(height, width) > most {
		return nil, bad("tiling", "%d×%d for tiles of %d: want sides of at least a tile (pad it) and at most %d", height, width, side, most)
	}
	y, x := axisStarts(height, side, overlap), axisStarts(width, side, overlap)
	if len(y)*len(x) > maxTiles {
		return nil, bad("tiling", "%d×%d tiles: want at most %d", len(x), len(y), maxTiles)
	}
	return newTiling(height, width, side, side, y, x), nil
}

// maxTiles is beyond any picture: an overlap of all but one latent makes as many tiles as latents.
const maxTiles = 1 << 20

// OneTile is the plane as one tile, of any proportions: for pictures that a network takes whole. Sides are multiples of 8 up to 2⁹ latents; else CodeBadOption.
func OneTile(height, width int) (*Tiling, error) {
	const most = 1 << 9
	if min(height, width) < 8 || max(height, width) > most || height%8 != 0 || width%8 != 0 {
		return nil, bad("one tile", "%d×%d: want multiples of 8 from 8 to %d", height, width, most)
	}
	return newTiling(height, width, height, width, []int{0}, []int{0}), nil
}

func newTiling(height, width, tall, wide int, y, x []int) *Tiling {
	return &Tiling{Height: height, Width: width, TileHeight: tall, TileWidth: wide, Rows: len(y), Columns: len(x), y: newAxis(y, tall, height), x: newAxis(x, wide, width)}
}

// Scaled is the tiling with everything times factor: Scaled(LatentScale) has the same tiles in pixels, with ramps as wide as the overlaps in pixels.
// Errors: CodeBadOption for a factor outside 1 … 64.
func (t *Tiling) Scaled(factor int) (*Tiling, error) {
	if factor < 1 || factor > 64 {
		return nil, bad("tiling", "factor %d", factor)
	}
	times := func(starts []int) []int {
		s := make([]int, len(starts))
		for i, v := range starts {
			s[i] = v * factor
		}
		return s
	}
	return newTiling(t.Height*factor, t.Width*factor, t.TileHeight*factor, t.TileWidth*factor, times(t.y.starts), times(t.x.starts)), nil
}

// Len is the number of tiles.
func (t *Tiling) Len() int { return t.Rows * t.Columns }

// size is the values of a tile's channel.
func (t *Tiling) size() int { return t.TileHeight * t.TileWidth }

// Tile is where tile i lies, row by row. It panics where i is not in [0, Len).
func (t *Tiling) Tile(i int) image.Rectangle {
	y, x := t.y.starts[i/t.Columns], t.x.starts[i%t.Columns]
	return image.Rect(x, y, x+t.TileWidth, y+t.TileHeight)
}

// Cut copies the values under tile i into dst, planar [channels, TileHeight, TileWidth]. Errors: CodeBadOption.
func (t *Tiling) Cut(dst []float32, from *Planes, i int) error {
	if err := from.check("cut"); err != nil {
		return err
	}
	if from.Height != t.Height || from.Width != t.Width || i < 0 || i >= t.Len() || len(dst) != from.Channels*t.size() {
		return bad("cut", "tile %d of %d, %d values, out of [%d, %d, %d] for a tiling of [%d, %d]", i, t.Len(), len(dst), from.Channels, from.Height, from.Width, t.Height, t.Width)
	}
	r := t.Tile(i)
	for c := range from.Channels {
		for y := range t.TileHeight {
			copy(dst[(c*t.TileHeight+y)*t.TileWidth:][:t.TileWidth], from.Row(c, r.Min.Y+y)[r.Min.X:])
		}
	}
	return nil
}

// axis is one direction of a tiling: where tiles begin, and for each coordinate which tiles cover it with which weights.
type axis struct {
	starts []int
	first  []int32   // the first tile that covers the coordinate; those that cover it follow each other
	more   [][]share // the others: empty in most places, one in an overlap of two
	shared []int     // the coordinates that have others
}

// share is a further tile's part in a coordinate. The first tile's is 1 − Σ weight, so that all of them are 1 together exactly.
type share struct {
	tile   int
	weight float64
}

// axisStarts are NewTiling's origins. n ≥ side.
func axisStarts(n, side, overlap int) []int {
	gaps := (n - side + side - overlap - 1) / (side - overlap)
	starts := make([]int, gaps+1)
	for i := range starts {
		if gaps > 0 {
			starts[i] = i * (n - side) / gaps
		}
	}
	return starts
}

// newAxis weighs tiles by linear ramps. Within the overlap of v with its neighbour a tile has 1/(v+1), 2/(v+1), …, v/(v+1) from its edge on, else 1;
// where a third tile reaches in, a tile's lesser ramp counts. Two neighbours so come to 1 of themselves, three are divided by their sum.
func newAxis(starts []int, side, n int) axis {
	a := axis{starts: starts, first: make([]int32, n), more: make([][]share, n)}
	ramp := func(i, p int) float64 {
		w := 1.0
		if d := p - starts[i] + 1; i > 0 {
			w = min(w, float64(d)/float64(starts[i-1]+side-starts[i]+1))
		}
		if d := starts[i] + side - p; i+1 < len(starts) {
			w = min(w, float64(d)/float64(starts[i]+side-starts[i+1]+1))
		}
		return w
	}
	first := 0
	for p := range n {
		for starts[first]+side <= p {
			first++
		}
		a.first[p] = int32(first)
		sum := ramp(first, p)
		for i := first + 1; i < len(starts) && starts[i] <= p; i++ {
			w := ramp(i, p)
			a.more[p] = append(a.more[p], share{i, w})
			sum += w
		}
		for i := range a.more[p] {
			a.more[p][i].weight /= sum
		}
		if len(a.more[p]) > 0 {
			a.shared = append(a.shared, p)
		}
	}
	return a
}
