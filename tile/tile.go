// Package tile cuts a picture into overlapping tiles and assembles tiles into a picture
// again, so that work that needs much memory per pixel can be done piece by piece.
package tile

import (
	"image"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Grid covers a w×h picture with tiles of the given size that overlap their neighbours
// by at least overlap pixels, row by row. Tiles lie size−overlap apart; the last of a row
// or column is moved back to end at the border, so that all have the same size. A side
// shorter than size is covered by one tile as long as the side.
//
// size must be at least 1 and overlap in [0, size); else the error's code is CodeBadOption.
func Grid(w, h, size, overlap int) ([]image.Rectangle, error) {
	if w < 1 || h < 1 {
		return nil, realedit.Errorf(realedit.CodeBadOption, "tile", "picture of %d×%d", w, h)
	}
	if size < 1 || overlap < 0 || overlap >= size {
		return nil, realedit.Errorf(realedit.CodeBadOption, "tile", "size %d with overlap %d: want size ≥ 1 and overlap in [0, size)", size, overlap)
	}
	var grid []image.Rectangle
	for _, y := range starts(h, size, overlap) {
		for _, x := range starts(w, size, overlap) {
			grid = append(grid, image.Rect(x, y, min(w, x+size), min(h, y+size)))
		}
	}
	return grid, nil
}

// starts are the tiles' first pixels along one side.
func starts(n, size, overlap int) []int {
	s := []int{0}
	for s[len(s)-1]+size < n {
		s = append(s, min(s[len(s)-1]+size-overlap, n-size))
	}
	return s
}

// Assemble blends tiles that cover dst into it, feathered over overlap pixels: see kernels.Ops.Feather.
// images[i] covers grid[i].
func Assemble(ops *kernels.Ops, dst *kernels.Image, images []*kernels.Image, grid []image.Rectangle, overlap int) error {
	if len(images) != len(grid) {
		return realedit.Errorf(realedit.CodeBadOption, "tile", "%d images for %d tiles", len(images), len(grid))
	}
	tiles := make([]kernels.Tile, len(grid))
	for i, r := range grid {
		if images[i] == nil || images[i].Width() != r.Dx() || images[i].Height() != r.Dy() {
			return realedit.Errorf(realedit.CodeBadOption, "tile", "image %d is %v, its tile %v", i, images[i], r)
		}
		tiles[i] = kernels.Tile{Image: images[i], At: r.Min}
	}
	return ops.Feather(dst, tiles, overlap)
}
