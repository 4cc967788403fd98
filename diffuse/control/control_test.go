package control

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

//go:embed testdata/recorded.json
var recorded []byte

// picture is gen.py's.
func picture(t testing.TB, kind string, w, h int) *kernels.Image {
	pix := make([]uint8, 0, 3*w*h)
	for y := range h {
		for x := range w {
			var v int
			switch kind {
			case "shapes":
				v = 40 + 60*((x/37+y/29)%3) + (x*y/97)%23
				if (x-90)*(x-90)+(y-60)*(y-60) < 900 {
					v = 230
				}
			case "noise":
				v = (x*7919 + y*104729 + x*y*31) % 256
			default:
				v = (x*3 + y*2) / 4
				if (x+2*y)%41 < 20 {
					v += 30
				}
			}
			for _, c := range []int{v, v*3/4 + 20, v*5/6 + 15} {
				pix = append(pix, uint8(min(max(c, 0), 255)))
			}
		}
	}
	m, err := kernels.Wrap(pix, w, h, 3)
	require.NoError(t, err)
	return m
}

func TestAsOpenCV(t *testing.T) {
	var r struct {
		Width, Height int
		Pictures      map[string]map[string]string
	}
	require.NoError(t, json.Unmarshal(recorded, &r))
	require.Len(t, r.Pictures, 3)
	all := 0
	for kind, results := range r.Pictures {
		m := picture(t, kind, r.Width, r.Height)
		for name, packed := range results {
			z, err := base64.StdEncoding.DecodeString(packed)
			require.NoError(t, err)
			zr, err := zlib.NewReader(bytes.NewReader(z))
			require.NoError(t, err)
			want, err := io.ReadAll(zr)
			require.NoError(t, err)
			var got *kernels.Image
			limit := 0
			switch name {
			case "canny 100 200":
				got, err = Canny(m, Thresholds{})
			case "canny 20 60":
				got, err = Canny(m, Thresholds{20, 60})
			default:
				got, err = Lineart(m)
				limit = 1 // sums in another order, and then cut off
			}
			require.NoError(t, err)
			white := 0
			for y := range r.Height {
				for x, v := range got.RowU8(y) {
					w := want[y*r.Width+x]
					require.InDelta(t, int(w), int(v), float64(limit), "%s, %s at %d,%d", kind, name, x, y)
					if w > 0 {
						white++
					}
				}
			}
			t.Logf("%s, %s: %d pixels are not black", kind, name, white)
			all += white
			got.Free()
		}
	}
	require.Greater(t, all, 20000)
}

func TestRefused(t *testing.T) {
	m := picture(t, "noise", 9, 7)
	_, err := Canny(m, Thresholds{5, 4})
	require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	half, _ := kernels.Wrap(make([]uint16, 3*9*7), 9, 7, 3)
	for _, bad := range []*kernels.Image{nil, half} {
		_, err := Canny(bad, Thresholds{})
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
		_, err = Lineart(bad)
		require.Equal(t, realedit.CodeBadOption, realedit.CodeOf(err))
	}
	for _, size := range [][2]int{{1, 1}, {1, 9}, {50, 1}} {
		m := picture(t, "noise", size[0], size[1])
		for _, f := range []func() (*kernels.Image, error){func() (*kernels.Image, error) { return Canny(m, Thresholds{}) }, func() (*kernels.Image, error) { return Lineart(m) }} {
			got, err := f()
			require.NoError(t, err)
			require.Equal(t, m.Bounds(), got.Bounds())
		}
	}
}

func BenchmarkCanny(b *testing.B) {
	m := picture(b, "shapes", 1536, 1024)
	for b.Loop() {
		got, err := Canny(m, Thresholds{})
		require.NoError(b, err)
		got.Free()
	}
}
