package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/tile"
)

// rows are the measurements by name, as in scripts/peers/peers.py.
var rows = map[string]func(b kernels.Backend, dir, row string, reps int) (measurement, error){
	"robust-2": fuseRow, "robust-5": fuseRow, "robust-9": fuseRow,
	"mertens-2": fuseRow, "mertens-5": fuseRow, "mertens-9": fuseRow,
	"ssim":     ssimRow,
	"deltae":   deltaERow,
	"match-u8": matchRow, "match-u16": matchRow,
	"feather":     featherRow,
	"align-shift": alignRow, "align-shake": alignRow,
}

func timeRow(dir, row string, reps int) error {
	f := rows[row]
	if f == nil {
		return fmt.Errorf("row %q is not known", row)
	}
	b, err := kernels.Open("cpu")
	if err != nil {
		return err
	}
	defer b.Close()
	m, err := f(b, dir, row, reps)
	if err != nil {
		return fmt.Errorf("%s: %w", row, err)
	}
	return m.print()
}

// bracketEVs are the photos of a merge of n.
var bracketEVs = map[string][]int{"2": {-2, 2}, "5": {-4, -2, 0, 2, 4}, "9": {-4, -3, -2, -1, 0, 1, 2, 3, 4}}

func fuseRow(b kernels.Backend, dir, row string, reps int) (measurement, error) {
	method, n, _ := strings.Cut(row, "-")
	o := &kernels.FuseOptions{Method: kernels.FuseRobust}
	if method == "mertens" {
		o.Method = kernels.FuseMertens
	}
	var photos []*kernels.Image
	for _, ev := range bracketEVs[n] {
		p, err := readPPM(b, filepath.Join(dir, fmt.Sprintf("ev%d.ppm", ev)))
		if err != nil {
			return measurement{}, err
		}
		photos = append(photos, p)
	}
	dst, err := blank(b, photos[0], kernels.U8)
	if err != nil {
		return measurement{}, err
	}
	m, err := timed(row, "Fuse "+method, reps, func() error { return b.Ops().Fuse(dst, photos, o) })
	if err == nil && method == "mertens" {
		m.Info, err = compareWith(b, filepath.Join(dir, "peer_"+row+".ppm"), dst)
	}
	return m, err
}

func pair(b kernels.Backend, dir, one, two string) (*kernels.Image, *kernels.Image, error) {
	p, err := readPPM(b, filepath.Join(dir, one))
	if err != nil {
		return nil, nil, err
	}
	q, err := readPPM(b, filepath.Join(dir, two))
	return p, q, err
}

func ssimRow(b kernels.Backend, dir, row string, reps int) (measurement, error) {
	p, q, err := pair(b, dir, "ev0.ppm", "retouched.ppm")
	if err != nil {
		return measurement{}, err
	}
	var r kernels.SSIMResult
	m, err := timed(row, "SSIM", reps, func() (err error) { r, err = b.Ops().SSIM(p, q, nil, nil); return err })
	m.Info = map[string]any{"ssim": r.Mean}
	return m, err
}

func deltaERow(b kernels.Backend, dir, row string, reps int) (measurement, error) {
	p, q, err := pair(b, dir, "ev0.ppm", "retouched.ppm")
	if err != nil {
		return measurement{}, err
	}
	var r kernels.DeltaEResult
	m, err := timed(row, "DeltaE", reps, func() (err error) { r, err = b.Ops().DeltaE(p, q, nil, nil); return err })
	m.Info = map[string]any{"mean": r.Mean, "p95": r.P95, "max": r.Max}
	return m, err
}

func matchRow(b kernels.Backend, dir, row string, reps int) (measurement, error) {
	suffix := ".ppm"
	if row == "match-u16" {
		suffix = "_16.ppm"
	}
	src, ref, err := pair(b, dir, "ev0"+suffix, "ev2"+suffix)
	if err != nil {
		return measurement{}, err
	}
	dst, err := blank(b, src, src.Format())
	if err != nil {
		return measurement{}, err
	}
	m, err := timed(row, "MatchHistogram", reps, func() error { return b.Ops().MatchHistogram(dst, src, ref, nil, nil) })
	if err == nil {
		m.Info, err = compareWith(b, filepath.Join(dir, "peer_"+row+".ppm"), dst)
	}
	return m, err
}

// The assembly of the picture from tiles.
const (
	tileSide    = 768
	tileOverlap = 64
)

func featherRow(b kernels.Backend, dir, row string, reps int) (measurement, error) {
	whole, err := readPPM(b, filepath.Join(dir, "ev0.ppm"))
	if err != nil {
		return measurement{}, err
	}
	grid, err := tile.Grid(whole.Width(), whole.Height(), tileSide, tileOverlap)
	if err != nil {
		return measurement{}, err
	}
	tiles := make([]*kernels.Image, len(grid))
	for i, r := range grid {
		if tiles[i], err = b.NewImage(r.Dx(), r.Dy(), 3, kernels.F32); err != nil {
			return measurement{}, err
		}
		if err := b.Ops().Convert(tiles[i], whole.SubImage(r)); err != nil {
			return measurement{}, err
		}
		shade(tiles[i], i)
	}
	dst, err := blank(b, whole, kernels.F32)
	if err != nil {
		return measurement{}, err
	}
	whole.Free()
	m, err := timed(row, "tile.Assemble", reps, func() error { return tile.Assemble(b.Ops(), dst, tiles, grid, tileOverlap) })
	if err != nil {
		return m, err
	}
	m.Info = map[string]any{"tiles": len(tiles)}
	worst, err := compareFloats(filepath.Join(dir, "peer_feather.f32"), dst)
	if err == nil {
		m.Info["max_diff"] = worst
	} else if !os.IsNotExist(err) {
		return m, err
	}
	return m, nil
}

// shade gives every tile a brightness of its own, as a model would, so that the seams matter.
func shade(m *kernels.Image, i int) {
	k := float32(1 - 0.01*float64(i%7))
	for y := range m.Height() {
		for j, v := range m.RowF32(y) {
			m.RowF32(y)[j] = v * k
		}
	}
}

// blank is an image of like's shape whose pages have been touched.
func blank(b kernels.Backend, like *kernels.Image, f kernels.Format) (*kernels.Image, error) {
	m, err := b.NewImage(like.Width(), like.Height(), 3, f)
	if err != nil {
		return nil, err
	}
	for y := range m.Height() {
		clear(m.Row(y))
	}
	return m, nil
}

// compareWith says how far dst is from the peer's result, in levels; nothing when the peer has not run.
func compareWith(b kernels.Backend, path string, dst *kernels.Image) (map[string]any, error) {
	peer, err := readPPM(b, path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if peer.Bounds() != dst.Bounds() || peer.Format() != dst.Format() {
		return nil, fmt.Errorf("%s is %v, ours %v", path, peer, dst)
	}
	worst, differ := 0, 0
	for y := range dst.Height() {
		for i := range 3 * dst.Width() {
			var d int
			if dst.Format() == kernels.U8 {
				d = int(dst.RowU8(y)[i]) - int(peer.RowU8(y)[i])
			} else {
				d = int(dst.RowU16(y)[i]) - int(peer.RowU16(y)[i])
			}
			if d != 0 {
				differ++
				worst = max(worst, d, -d)
			}
		}
	}
	return map[string]any{"max_levels": worst, "share_differing": float64(differ) / float64(3*dst.Width()*dst.Height())}, nil
}

// compareFloats is the largest difference from raw little-endian f32 samples.
func compareFloats(path string, dst *kernels.Image) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	row := make([]float32, 3*dst.Width())
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&row[0])), 4*len(row))
	var worst float64
	for y := range dst.Height() {
		if _, err := io.ReadFull(f, raw); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		for i, v := range dst.RowF32(y) {
			worst = math.Max(worst, math.Abs(float64(v-row[i])))
		}
	}
	return worst, nil
}

// files are the JPEGs of a folder in order of name.
func files(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.[jJ][pP][gG]"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s holds no JPEG", dir)
	}
	slices.Sort(names)
	return names, err
}
