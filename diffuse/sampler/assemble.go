package sampler

// Assembler joins what was made of a tiling's tiles, the averaging of overlapping predictions of MultiDiffusion (Bar-Tal et al. 2023) with
// linear ramps. Tiles may be added in any order; rows are given out from the top as soon as the tiles that they need are there, and a tile's values are let go of
// after its last row, so that of a picture that is decoded row by row about two rows of tiles are held.
//
//	v = t₀ + Σ w_i (t_i − t₀), along x within each row of tiles, then along y, in float64; t₀ the first tile that covers the place
//
// The sum has one order, so the order of adding is not in the result, to the bit. Tiles that agree come out with their own bits: each difference is 0. What lies under one
// tile is that tile's.
//
// Of an Euler step it makes no difference whether tiles' x, ε or x₀ are averaged: within a step they are affine in each other with the same numbers
// everywhere, and all tiles begin from the same x.
type Assembler struct {
	t        *Tiling
	channels int
	sink     func(y int, row []float32) error
	tiles    [][]float32
	missing  []int // by row of tiles
	next     int   // the first row not given out
	row      []float32
	scratch  [3][]float64
	err      error
}

// NewAssembler joins tiles of the given channels. sink is called for each row from the top, in order, from within Add: row holds planar
// [channels, t.Width] and is only valid during the call; its error ends the assembly. Errors: CodeBadOption for channels below 1.
func (t *Tiling) NewAssembler(channels int, sink func(y int, row []float32) error) (*Assembler, error) {
	if channels < 1 || sink == nil {
		return nil, bad("assemble", "%d channels", channels)
	}
	a := &Assembler{t: t, channels: channels, sink: sink, tiles: make([][]float32, t.Len()), missing: make([]int, t.Rows), row: make([]float32, channels*t.Width)}
	for i := range a.missing {
		a.missing[i] = t.Columns
	}
	for i := range a.scratch {
		a.scratch[i] = make([]float64, t.Width)
	}
	return a, nil
}

// Add takes tile i's values, planar [channels, TileHeight, TileWidth], which must not change until the assembly is through with them. Not for several goroutines
// at once. Errors: CodeBadOption for a tile that is not of the tiling, has another size or was added before; the sink's, which then every later call has.
func (a *Assembler) Add(i int, values []float32) error {
	t := a.t
	if a.err != nil {
		return a.err
	}
	if i < 0 || i >= t.Len() || len(values) != a.channels*t.size() {
		return bad("assemble", "tile %d of %d with %d values: want %d", i, t.Len(), len(values), a.channels*t.size())
	}
	if a.tiles[i] != nil || a.next >= t.y.starts[i/t.Columns]+t.TileHeight {
		return bad("assemble", "tile %d twice", i)
	}
	a.tiles[i] = values
	a.missing[i/t.Columns]--
	for a.next < t.Height && a.ready(a.next) {
		a.join(a.next)
		if a.err = a.sink(a.next, a.row); a.err != nil {
			clear(a.tiles)
			return a.err
		}
		a.next++
		for r := range t.Rows { // rows of tiles that end here
			if t.y.starts[r]+t.TileHeight == a.next {
				clear(a.tiles[r*t.Columns : (r+1)*t.Columns])
			}
		}
	}
	return nil
}

// Done is nil once every row was given out. Before, the error's code is CodeBadOption: tiles are missing; or it is the sink's.
func (a *Assembler) Done() error {
	if a.err != nil {
		return a.err
	}
	if a.next < a.t.Height {
		return bad("assemble", "rows from %d on have no tiles", a.next)
	}
	return nil
}

// ready says that all tiles over row y are there.
func (a *Assembler) ready(y int) bool {
	if a.missing[a.t.y.first[y]] > 0 {
		return false
	}
	for _, s := range a.t.y.more[y] {
		if a.missing[s.tile] > 0 {
			return false
		}
	}
	return true
}

// join makes row y.
func (a *Assembler) join(y int) {
	t := a.t
	first, more := int(t.y.first[y]), t.y.more[y]
	v, other, sum := a.scratch[0], a.scratch[1], a.scratch[2]
	for c := range a.channels {
		a.across(v, first, c, y)
		if len(more) > 0 {
			clear(sum)
			for _, s := range more {
				a.across(other, s.tile, c, y)
				for x, o := range other {
					sum[x] += float64(s.weight * (o - v[x]))
				}
			}
			for x, d := range sum {
				v[x] += d
			}
		}
		out := a.row[c*t.Width:][:t.Width]
		for x, f := range v {
			out[x] = float32(f)
		}
	}
}

// across is what the tiles of one row of tiles come to in row y of channel c.
func (a *Assembler) across(dst []float64, row, c, y int) {
	t := a.t
	tiles, at := a.tiles[row*t.Columns:(row+1)*t.Columns], (c*t.TileHeight+y-t.y.starts[row])*t.TileWidth
	for x := 0; x < len(dst); { // where the same tile is the first
		column := t.x.first[x]
		from, end := t.x.starts[column], t.x.starts[column]+t.TileWidth
		for i, v := range tiles[column][at+x-from : at+end-from] {
			dst[x+i] = float64(v)
		}
		x = end
	}
	for _, x := range t.x.shared {
		v, sum := dst[x], 0.0
		for _, s := range t.x.more[x] {
			sum += float64(s.weight * (float64(tiles[s.tile][at+x-t.x.starts[s.tile]]) - v))
		}
		dst[x] = v + sum
	}
}

// Assemble joins all tiles, planar [channels, TileHeight, TileWidth] each, into dst; dst may hold what the tiles were cut from. Errors: CodeBadOption.
func (t *Tiling) Assemble(dst *Planes, tiles [][]float32) error {
	if err := dst.check("assemble"); err != nil {
		return err
	}
	if dst.Height != t.Height || dst.Width != t.Width || len(tiles) != t.Len() {
		return bad("assemble", "%d tiles into [%d, %d], for %d tiles over [%d, %d]", len(tiles), dst.Height, dst.Width, t.Len(), t.Height, t.Width)
	}
	a, err := t.NewAssembler(dst.Channels, func(y int, row []float32) error {
		for c := range dst.Channels {
			copy(dst.Row(c, y), row[c*dst.Width:])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, values := range tiles {
		if err := a.Add(i, values); err != nil {
			return err
		}
	}
	return a.Done()
}
