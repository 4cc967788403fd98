package sampler

import (
	"image"
	"math"
)

// VAETiles is the tiling of diffusers' AutoencoderKL (tiled_encode, tiled_decode): tiles of a fixed stride from the upper left corner on, those
// at the right and lower border cut off by it, each blended with the tile above and then with the one on its left.
//
//	stride = side·(1 − overlap)        blended = side·overlap        what a tile gives: its first stride×stride values
//
// in the encoder's input and output units alike, times or by LatentScale. For networks with fixed shapes, which take no cut-off
// tiles, use a Tiling and its Scaled form for the VAE too. VAETiles is for networks with free shapes, and for comparing with diffusers.
type VAETiles struct {
	In, Out       image.Point // sizes before and after the network, X the width
	Rows, Columns int
	inSide        int // of a tile before the network
	outSide       int // after it
	inStride      int
	outStride     int
}

// EncodeTiles are the tiles of a picture of height×width pixels for the encoder. side is the tile's in pixels and overlap the share that tiles have in common:
// 1024 and ¼ are SDXL's. height, width and side are multiples of LatentScale, and side·overlap/LatentScale is a whole number from 1 to half a tile; else CodeBadOption.
func EncodeTiles(height, width, side int, overlap float64) (*VAETiles, error) {
	if height%LatentScale != 0 || width%LatentScale != 0 {
		return nil, bad("vae tiles", "%d×%d pixels: want multiples of %d", height, width, LatentScale)
	}
	v, err := vaeTiles(height/LatentScale, width/LatentScale, side, overlap)
	if err != nil {
		return nil, err
	}
	v.In = v.Out.Mul(LatentScale)
	v.inSide, v.inStride = v.outSide*LatentScale, v.outStride*LatentScale
	return v, nil
}

// DecodeTiles are the tiles of height×width latents for the decoder. side is the tile's in pixels and overlap as for EncodeTiles. Errors: CodeBadOption.
func DecodeTiles(height, width, side int, overlap float64) (*VAETiles, error) {
	v, err := vaeTiles(height, width, side, overlap)
	if err != nil {
		return nil, err
	}
	v.Out = v.In.Mul(LatentScale)
	v.outSide, v.outStride = v.inSide*LatentScale, v.inStride*LatentScale
	return v, nil
}

// vaeTiles has both sides in latents.
func vaeTiles(height, width, side int, overlap float64) (*VAETiles, error) {
	const most = 1 << 24
	shared := float64(float64(side/LatentScale) * overlap)
	if side < 2*LatentScale || side > most || side%LatentScale != 0 || !(overlap > 0 && overlap <= 0.5) || shared != math.Trunc(shared) || shared < 1 {
		return nil, bad("vae tiles", "side %d with %v of it shared: want a multiple of %d, and a whole number of latents of at most half a tile", side, overlap, LatentScale)
	}
	if min(height, width) < 1 || max(height, width) > most {
		return nil, bad("vae tiles", "%d×%d latents", height, width)
	}
	side /= LatentScale
	stride := side - int(shared)
	size := image.Pt(width, height)
	return &VAETiles{
		In: size, Out: size, Rows: (height + stride - 1) / stride, Columns: (width + stride - 1) / stride,
		inSide: side, outSide: side, inStride: stride, outStride: stride,
	}, nil
}

// Len is the number of tiles.
func (v *VAETiles) Len() int { return v.Rows * v.Columns }

// Source is what tile i takes of the network's input, Target where its output lies in the whole, row by row. Both panic where i is not in [0, Len).
func (v *VAETiles) Source(i int) image.Rectangle { return v.rect(i, v.In, v.inStride, v.inSide) }

// Target is where tile i's output lies in the whole.
func (v *VAETiles) Target(i int) image.Rectangle { return v.rect(i, v.Out, v.outStride, v.outSide) }

func (v *VAETiles) rect(i int, size image.Point, stride, side int) image.Rectangle {
	if i < 0 || i >= v.Len() {
		panic("sampler: no such tile")
	}
	at := image.Pt(i%v.Columns, i/v.Columns).Mul(stride)
	return image.Rectangle{at, at.Add(image.Pt(side, side))}.Intersect(image.Rectangle{Max: size})
}

// Join blends the network's outputs into dst, planes of size Out. tiles[i] is planar [dst.Channels, Target(i)], and is changed: a tile is blended in place, and its
// neighbours are blended with what has become of it. With n the blended width, a the tile above or on the left and b the tile,
//
//	b[y] ← a[y + len(a) − n]·(1 − y/n) + b[y]·y/n        y = 0 … n−1
//
// Errors: CodeBadOption.
func (v *VAETiles) Join(dst *Planes, tiles []*Planes) error {
	if err := dst.check("join"); err != nil {
		return err
	}
	if dst.Width != v.Out.X || dst.Height != v.Out.Y || len(tiles) != v.Len() {
		return bad("join", "%d tiles into [%d, %d], for %d tiles over [%d, %d]", len(tiles), dst.Height, dst.Width, v.Len(), v.Out.Y, v.Out.X)
	}
	for i, b := range tiles {
		if err := b.check("join"); err != nil {
			return err
		}
		if r := v.Target(i); b.Width != r.Dx() || b.Height != r.Dy() || b.Channels != dst.Channels {
			return bad("join", "tile %d is [%d, %d, %d], want [%d, %d, %d]", i, b.Channels, b.Height, b.Width, dst.Channels, r.Dy(), r.Dx())
		}
	}
	for i, b := range tiles {
		if i >= v.Columns {
			v.blendDown(tiles[i-v.Columns], b)
		}
		if i%v.Columns > 0 {
			v.blendAcross(tiles[i-1], b)
		}
		at := v.Target(i).Min
		for c := range b.Channels {
			for y := range min(b.Height, v.outStride) {
				copy(dst.Row(c, at.Y+y)[at.X:], b.Row(c, y)[:min(b.Width, v.outStride)])
			}
		}
	}
	return nil
}

func (v *VAETiles) blendDown(a, b *Planes) {
	n := min(a.Height, b.Height, v.outSide-v.outStride)
	for c := range b.Channels {
		for y := range n {
			above, row := a.Row(c, a.Height-n+y), b.Row(c, y)
			wa, wb := blendWeights(y, n)
			for x, p := range row {
				row[x] = float32(above[x]*wa) + float32(p*wb)
			}
		}
	}
}

func (v *VAETiles) blendAcross(a, b *Planes) {
	n := min(a.Width, b.Width, v.outSide-v.outStride)
	for c := range b.Channels {
		for y := range b.Height {
			left, row := a.Row(c, y)[a.Width-n:], b.Row(c, y)
			for x, p := range left {
				wa, wb := blendWeights(x, n)
				row[x] = float32(p*wa) + float32(row[x]*wb)
			}
		}
	}
}

// blendWeights are 1 − i/n and i/n, divided in float64 and rounded, as Python's numbers are when they meet a float32 tensor.
func blendWeights(i, n int) (float32, float32) {
	t := float64(i) / float64(n)
	return float32(1 - t), float32(t)
}
