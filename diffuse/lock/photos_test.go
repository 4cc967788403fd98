package lock

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/qc"
)

// photograph is one of other people's, as tests edit it.
func photograph(t testing.TB, name string) *pic {
	t.Helper()
	photo, err := realedit.Open(filepath.Join(phototest.Dir(t), filepath.FromSlash(name)), nil)
	require.NoError(t, err)
	m, err := photo.Pixels(context.Background(), nil)
	require.NoError(t, err)
	defer m.Free()
	p := &pic{m.Width(), m.Height(), make([]float64, 3*m.Width()*m.Height())}
	for y := range p.h {
		for i := range 3 * p.w {
			p.pix[3*y*p.w+i] = levelAt(m, i, y)
		}
	}
	return p
}

// Real photographs, their noise and JPEG blocks: the caps hold, and quality control passes. REALEDIT_FULL=1 takes more of them, to 10 megapixels.
func TestPhotographs(t *testing.T) {
	full(t)
	env := testEnv(t)
	names := []string{"interior/bathroom.jpg", "interior/kitchen.jpg"}
	edits := []string{"draws objects", "makes a large stain", "blurs"}
	if os.Getenv("REALEDIT_FULL") != "" || os.Getenv("REALEDIT_LOOK") != "" {
		names = append(names, "interior/bedroom.jpg", "interior/living_room.jpg", "exterior/Canon PowerShot G11.jpg")
		edits = append(edits, "turns a hue by 10°", "shifts to green", "flattens")
	}
	for _, n := range names {
		p := photograph(t, n)
		d := p.u8(t)
		for _, a := range hostile {
			if !strings.Contains(strings.Join(edits, ", "), a.name) {
				continue
			}
			t.Run(filepath.Base(n)+"/"+a.name, func(t *testing.T) {
				m := a.edit(p)
				o, _, st := locked(t, env, d, m.model(t, env), nil)
				keepLook(t, filepath.Base(n)+" "+a.name, d, m.u8(t), o)
				b := measure(t, env, o, d)
				v, err := qc.Compare(context.Background(), env, o, d, &qc.Options{Tone: true})
				require.NoError(t, err)
				t.Logf("asked %.2f kept %.2f refused %.2f limited %.2f; p99 %.2f max %.2f block %.2f shift %.2f", st.Asked, st.Kept, st.Refused, st.Limited, b.p99, b.max, b.block, b.shift)
				require.LessOrEqual(t, b.p99, 5.0)
				require.LessOrEqual(t, b.max, 6.0)
				require.LessOrEqual(t, b.block, 2.0)
				require.LessOrEqual(t, b.shift, 2.0)
				for _, x := range v.Measures {
					require.False(t, x.Failed, "%s %s is %g, limit %g", x.Check, x.Name, x.Value, x.Limit)
				}
			})
		}
		for _, a := range honest {
			if a.name != "a dark corner brightened" {
				continue
			}
			m := a.edit(p)
			o, _, _ := locked(t, env, d, m.model(t, env), nil)
			keepLook(t, filepath.Base(n)+" "+a.name, d, m.u8(t), o)
			share := through(p, m, o)
			t.Logf("%s, %s: %.3f through", n, a.name, share)
			require.False(t, math.IsNaN(share))
			require.Greater(t, share, 0.8)
		}
	}
}
