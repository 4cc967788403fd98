package segment

// noise is gradient noise (Perlin 2002, with a hash in the place of the permutation table): smooth, of mean 0 within about ±0.7, features of size 1.
type noise uint32

// mix is Murmur3's 32-bit finaliser.
func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// gradients are eight directions.
var gradients = [8][2]float32{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {0.7071, 0.7071}, {-0.7071, 0.7071}, {0.7071, -0.7071}, {-0.7071, -0.7071}}

func fade5(t float32) float32 { return t * t * t * (t*(t*6-15) + 10) }

func floor32(x float32) (int32, float32) {
	i := int32(x)
	if float32(i) > x {
		i--
	}
	return i, x - float32(i)
}

// at is the noise of the plane.
func (n noise) at(x, y float32) float32 {
	ix, fx := floor32(x)
	iy, fy := floor32(y)
	row0, row1 := uint32(iy)*0xd8163841, uint32(iy+1)*0xd8163841
	col0, col1 := uint32(n)+uint32(ix)*0x8da6b343, uint32(n)+uint32(ix+1)*0x8da6b343
	dot := func(h uint32, x, y float32) float32 {
		g := &gradients[mix(h)&7]
		return g[0]*x + g[1]*y
	}
	u, v := fade5(fx), fade5(fy)
	a, b := dot(col0+row0, fx, fy), dot(col1+row0, fx-1, fy)
	c, d := dot(col0+row1, fx, fy-1), dot(col1+row1, fx-1, fy-1)
	a += (b - a) * u
	c += (d - c) * u
	return a + (c-a)*v
}

// directions are the middles of a cube's edges.
var directions = [16][3]float32{{1, 1, 0}, {-1, 1, 0}, {1, -1, 0}, {-1, -1, 0}, {1, 0, 1}, {-1, 0, 1}, {1, 0, -1}, {-1, 0, -1},
	{0, 1, 1}, {0, -1, 1}, {0, 1, -1}, {0, -1, -1}, {1, 1, 0}, {-1, 1, 0}, {0, -1, 1}, {0, -1, -1}}

// in is the noise of space, which repeats after period (a power of two) in every direction; coordinates are not negative.
func (n noise) in(x, y, z float32, period int32) float32 {
	ix, fx := floor32(x)
	iy, fy := floor32(y)
	iz, fz := floor32(z)
	wrap := period - 1
	u, v, w := fade5(fx), fade5(fy), fade5(fz)
	dot := func(h uint32, x, y, z float32) float32 {
		g := &directions[mix(h)&15]
		return g[0]*x + g[1]*y + g[2]*z
	}
	var plane [2]float32
	for k := range plane {
		h := uint32(n) + uint32((iz+int32(k))&wrap)*0xcb1ab31f
		z := fz - float32(k)
		row0, row1 := h+uint32(iy&wrap)*0xd8163841, h+uint32((iy+1)&wrap)*0xd8163841
		col0, col1 := uint32(ix&wrap)*0x8da6b343, uint32((ix+1)&wrap)*0x8da6b343
		a, b := dot(row0+col0, fx, fy, z), dot(row0+col1, fx-1, fy, z)
		c, d := dot(row1+col0, fx, fy-1, z), dot(row1+col1, fx-1, fy-1, z)
		a += (b - a) * u
		c += (d - c) * u
		plane[k] = a + (c-a)*v
	}
	return plane[0] + (plane[1]-plane[0])*w
}

// sum is octaves of the plane's noise, each half as strong and about twice as fine, turned against the one before so that lattices do not show.
func (n noise) sum(x, y float32, octaves int) float32 {
	var s float32
	amp := float32(1)
	for i := range octaves {
		s += amp * (n+noise(i)*0x9e3779b9).at(x, y)
		x, y = 1.616*x-1.192*y+7.31, 1.192*x+1.616*y-3.17
		amp *= 0.5
	}
	return s
}
