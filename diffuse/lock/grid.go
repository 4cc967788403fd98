package lock

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

const (
	unit      = 1.0 / 32768 // of Grid.Shifts
	maxShift  = 1365        // 1/24 of the range: the curves then rise by 0.5 to 1.5 everywhere
	perNode   = 6           // shifts of a node
	maxNodes  = 257         // of a grid's side
	longCells = 24          // of a fitted grid's longer side
)

// Grid is a smooth change of tone and colour over a picture: at each of Columns×Rows nodes, evenly spread with the outer ones on the
// picture's borders, two shifts per channel. With lo and hi a channel's shifts, interpolated bilinearly at the pixel's centre, and v its sample in [0,1],
//
//	v' = v + T(v)·(lo·(1−v) + hi·v),   T(v) = 1 − (2v−1)⁶
//
// which is affine but for T, which brings it to 0 at black and white. For every grid that is valid v' rises with v, by at least 0.5 and at
// most 1.5 times as much, stays in [0,1] and reads the same channel of the same pixel alone: no edge of a channel can come, go or turn
// round. The zero value is no grid; UnmarshalJSON refuses what is not valid.
type Grid struct {
	// Width and Height are the picture's, in pixels.
	Width, Height int
	// Columns and Rows of nodes, each in [2, 257].
	Columns, Rows int
	// Shifts are lo and hi of R, G and B of each node, row by row, in 1/32768 of the range; each in [−1365, 1365].
	Shifts []int16
}

// Identity is the grid of a w×h picture that changes nothing.
func Identity(w, h int) *Grid {
	c, r := nodesOf(w, h)
	return &Grid{Width: w, Height: h, Columns: c, Rows: r, Shifts: make([]int16, c*r*perNode)}
}

// nodesOf is one node more than cells, of which the longer side has longCells.
func nodesOf(w, h int) (columns, rows int) {
	long := max(w, h)
	return max(1, (w*longCells+long/2)/long) + 1, max(1, (h*longCells+long/2)/long) + 1
}

// Scaled is the grid with its shifts times k in [0,1], rounded: a blend towards the deterministic picture (0: Identity). No bound that
// holds for g is broken by it. k outside is taken as the nearer end, NaN as 0.
func (g *Grid) Scaled(k float64) *Grid {
	if !(k > 0) {
		k = 0
	}
	k = min(k, 1)
	s := *g
	s.Shifts = make([]int16, len(g.Shifts))
	for i, v := range g.Shifts {
		s.Shifts[i] = int16(math.RoundToEven(float64(v) * k))
	}
	return &s
}

// valid refuses grids that Apply cannot use or that could do more than Grid says.
func (g *Grid) valid() error {
	bad := func(format string, a ...any) error {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "grid: "+format, a...)
	}
	switch {
	case g == nil:
		return bad("there is none")
	case g.Width < 1 || g.Width > kernels.MaxSide || g.Height < 1 || g.Height > kernels.MaxSide:
		return bad("a picture of %d×%d", g.Width, g.Height)
	case g.Columns < 2 || g.Columns > maxNodes || g.Rows < 2 || g.Rows > maxNodes:
		return bad("%d×%d nodes, want 2 to %d each way", g.Columns, g.Rows, maxNodes)
	case len(g.Shifts) != g.Columns*g.Rows*perNode:
		return bad("%d shifts for %d×%d nodes", len(g.Shifts), g.Columns, g.Rows)
	}
	for i, v := range g.Shifts {
		if v < -maxShift || v > maxShift {
			return bad("shift %d is %d, beyond %d", i, v, maxShift)
		}
	}
	return nil
}

// stored is the grid in a report.
type stored struct {
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Columns int    `json:"columns"`
	Rows    int    `json:"rows"`
	Shifts  string `json:"shifts"` // base64 of little-endian int16
}

// MarshalJSON writes the grid as a report holds it: its sizes, and the shifts as little-endian 16-bit integers in base64 (RFC 4648).
func (g *Grid) MarshalJSON() ([]byte, error) {
	if err := g.valid(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, 2*len(g.Shifts))
	for _, v := range g.Shifts {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return json.Marshal(stored{g.Width, g.Height, g.Columns, g.Rows, base64.StdEncoding.EncodeToString(b)})
}

// UnmarshalJSON reads what MarshalJSON wrote. What is malformed or beyond a bound of Grid is refused with CodeBadOption, and g stays as it was.
func (g *Grid) UnmarshalJSON(text []byte) error {
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "grid: %w", err)
	}
	b, err := base64.StdEncoding.DecodeString(s.Shifts)
	if err != nil {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "grid: %w", err)
	}
	if len(b)%2 != 0 {
		return realedit.Errorf(realedit.CodeBadOption, "lock", "grid: %d bytes are no 16-bit integers", len(b))
	}
	n := Grid{Width: s.Width, Height: s.Height, Columns: s.Columns, Rows: s.Rows, Shifts: make([]int16, len(b)/2)}
	for i := range n.Shifts {
		n.Shifts[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	if err := n.valid(); err != nil {
		return err
	}
	*g = n
	return nil
}
