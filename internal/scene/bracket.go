package scene

import (
	"image"
	"math"
	"slices"
	"time"
)

// Photo is one exposure with its truth. Pixels are upright; WriteJPEG turns them when EXIF.Orientation asks for it.
type Photo struct {
	W, H  int
	Pix   []uint8  // interleaved sRGB, when the camera has 8 bits
	Pix16 []uint16 // interleaved sRGB, when it has 16
	EV    float64  // exposure relative to the scene's EV 0, Base included; higher is brighter
	// Homography maps reference pixels to this photo's pixels, (x', y', 1) ~ H·(x, y, 1), row-major, pixel centres at whole numbers.
	// It is Identity for the reference photo. The scene was rendered through it, not resampled, so it is exact up to parallax (there is none).
	Homography [9]float64
	Figure     []float32 // coverage of the moving person in this photo, 0..1; nil when nobody is there
	Shadow     []float32 // how much their shadow darkens, 0..1; nil likewise
	EXIF       EXIF
}

// Image is the photo as a standard library image: *image.NRGBA or *image.NRGBA64.
func (p *Photo) Image() image.Image {
	if p.Pix16 == nil {
		return RGB8(p.Pix, p.W, p.H)
	}
	m := image.NewNRGBA64(image.Rect(0, 0, p.W, p.H))
	for i := range p.W * p.H {
		for c := range 3 {
			v := p.Pix16[3*i+c]
			m.Pix[8*i+2*c], m.Pix[8*i+2*c+1] = uint8(v>>8), uint8(v)
		}
		m.Pix[8*i+6], m.Pix[8*i+7] = 255, 255
	}
	return m
}

// Bracket is one set of photos.
type Bracket struct {
	Photos    []Photo
	Reference int // index of the photo that Homographies refer to
	// Moving is the share of each reference pixel that a person or their shadow covers in any photo (above 1/50 of darkening), 0 or 1 after
	// rounding up; nil when nobody moves.
	Moving []float32
}

// BracketOptions says how a bracket is taken. The zero value is five photos 2 EV apart from a tripod.
type BracketOptions struct {
	EVs    []float64 // nil: 0, −2, 2, −4, 4 (the order cameras use)
	Base   float64   // what the camera's metering adds to every EV; −1 is typical of a room with a bright window
	Camera Camera
	Hand   float64 // hand-held: shift of up to this many pixels, with up to 0.3° of roll and 2 px of tilt; 0: tripod
	Ghost  bool    // somebody walks through (interiors only)
	Seed   uint32

	// For EXIF. Zero values are filled in.
	Start       time.Time     // first exposure; zero: 2025-05-14 10:32:07 +02:00
	Gap         time.Duration // from the end of one exposure to the start of the next; 0: 180 ms
	Shutter     float64       // seconds of the photo whose EVs entry is 0; 0: 1/8
	FNumber     float64       // 0: 8
	ISO         int           // 0: 100
	FileNumber  int           // number of the first photo; 0: 1
	Orientation int           // 0: 1
	GPS         bool
	Heading     float64 // compass degrees the camera looks to, written with the GPS position; 0: not written (north is 360)
	Lens        bool    // write the focal length that the scene was rendered with; else 24 mm equivalent
}

// Bracket takes a set of photos of the scene. Photo 0 is the reference.
func (s *Scene) Bracket(o BracketOptions) *Bracket {
	evs := o.EVs
	if evs == nil {
		evs = []float64{0, -2, 2, -4, 4}
	}
	out := &Bracket{}
	r := &rng{seed: hash(o.Seed, 0xbacce7)}
	walkers := o.Ghost && s.room != nil
	if walkers {
		out.Moving = make([]float32, s.W*s.H)
	}
	start := o.Start
	if start.IsZero() {
		start = time.Date(2025, 5, 14, 10, 32, 7, 180e6, time.FixedZone("", 2*3600))
	}
	for i, ev := range evs {
		p := Photo{W: s.W, H: s.H, EV: o.Base + ev, Homography: Identity}
		if o.Hand > 0 && i > 0 {
			a := r.between(0, 2*math.Pi)
			d := o.Hand * r.between(0.45, 1)
			sk := Shake{DX: d * math.Cos(a), DY: d * math.Sin(a), Roll: r.between(-0.3, 0.3), Tilt: r.between(-2, 2)}
			p.Homography = sk.Homography(s.W, s.H)
		}
		rad := s.Radiance
		st := s.stage
		if walkers {
			k := float64(i) - float64(len(evs)-1)/2
			st = st.withPerson(s.room.floor.add(s.room.walk.scale(k)), math.Atan2(s.room.walk.X, s.room.walk.Z), [2]float64{1, -0.7}[i%2])
		}
		if st != s.stage || p.Homography != Identity {
			b := st.render(p.Homography)
			rad = b.radiance
			if walkers {
				p.Figure, p.Shadow = b.figure, b.shadow
				s.markMoving(out.Moving, &p)
			}
		}
		p.Pix, p.Pix16 = o.Camera.Expose(rad, s.W, s.H, p.EV, int(o.Seed)*64+i)
		p.EXIF = o.exif(i, ev, s.W, s.H, start)
		if o.Lens {
			p.EXIF.Focal = 18 / math.Tan(s.stage.cam.hfov/2) // the sensor is 36 mm wide
			p.EXIF.Focal35 = int(math.Round(p.EXIF.Focal))
		}
		start = start.Add(time.Duration(p.EXIF.Exposure() * 1e9)).Add(o.gap())
		out.Photos = append(out.Photos, p)
	}
	return out
}

func (o *BracketOptions) gap() time.Duration {
	if o.Gap == 0 {
		return 180 * time.Millisecond
	}
	return o.Gap
}

// markMoving carries the person's coverage back to the reference picture.
func (s *Scene) markMoving(dst []float32, p *Photo) {
	for y := range s.H {
		for x := range s.W {
			px, py := apply(p.Homography, float64(x), float64(y))
			i0, j0 := int(math.Floor(px)), int(math.Floor(py))
			for j := j0; j <= j0+1; j++ {
				for i := i0; i <= i0+1; i++ {
					if i < 0 || j < 0 || i >= s.W || j >= s.H {
						continue
					}
					if p.Figure[j*s.W+i] > 0 || p.Shadow[j*s.W+i] > 0.02 {
						dst[y*s.W+x] = 1
					}
				}
			}
		}
	}
}

// shutters are the nominal exposure times that cameras show, in thirds of a stop.
var shutters = [][2]uint32{
	{1, 8000}, {1, 6400}, {1, 5000}, {1, 4000}, {1, 3200}, {1, 2500}, {1, 2000}, {1, 1600}, {1, 1250}, {1, 1000}, {1, 800}, {1, 640}, {1, 500},
	{1, 400}, {1, 320}, {1, 250}, {1, 200}, {1, 160}, {1, 125}, {1, 100}, {1, 80}, {1, 60}, {1, 50}, {1, 40}, {1, 30}, {1, 25}, {1, 20}, {1, 15},
	{1, 13}, {1, 10}, {1, 8}, {1, 6}, {1, 5}, {1, 4}, {1, 3}, {4, 10}, {1, 2}, {6, 10}, {8, 10}, {1, 1}, {13, 10}, {16, 10}, {2, 1}, {25, 10}, {32, 10}, {4, 1},
	{5, 1}, {6, 1}, {8, 1}, {10, 1}, {13, 1}, {15, 1}, {20, 1}, {25, 1}, {30, 1},
}

// nominal is the shutter a camera would show for t seconds.
func nominal(t float64) [2]uint32 {
	d := func(s [2]uint32) float64 { return math.Abs(math.Log2(t * float64(s[1]) / float64(s[0]))) }
	return slices.MinFunc(shutters, func(a, b [2]uint32) int {
		switch {
		case d(a) < d(b):
			return -1
		case d(a) > d(b):
			return 1
		}
		return 0
	})
}
