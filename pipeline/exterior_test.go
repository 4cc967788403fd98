package pipeline

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// Dull skies of rendered houses are replaced and pass; all the rest is the deterministic picture, which is the sibling; the same off the host, within the
// memory that the stages say they take.
func TestExteriorsGetANewSky(t *testing.T) {
	for view, kind := range []scene.SkyKind{scene.SkyOvercast, scene.SkyBlown} {
		s := scene.Exterior(scene.ExteriorOptions{W: 420, H: 280, Sky: kind, View: view})
		set := rendered(t, s.Bracket(scene.BracketOptions{Base: -0.3, Seed: 3}))
		p, err := Exterior(nil)
		require.NoError(t, err)
		r, file := edited(t, on(kerneltest.Host(t)), realedit.AB723, p, set)
		keep(t, fmt.Sprint("exterior ", view), r)
		text, err := json.MarshalIndent(r.Report.Findings, "", " ")
		require.NoError(t, err)
		t.Logf("%v %v\n%s", ran(r.Report), r.Report.Measures, text)
		require.Equal(t, "sky", r.Report.Rung)
		require.Equal(t, realedit.Altered, r.Report.Class)
		share := exact(t, r, picture(t, r.Unaltered))
		require.Greater(t, share, 0.1)
		r.Free()

		far := offhost.New(kerneltest.Host(t), "far:0", 1<<40)
		r, same := edited(t, on(far), realedit.AB723, p, set)
		require.Equal(t, file, same)
		r.Free()
		used, _ := far.Memory()
		require.Zero(t, used)
		covers(t, set, p, far.Caps().Peak)

		// Nothing of it where the policy forbids it.
		r, _ = edited(t, on(kerneltest.Host(t)), realedit.CorrectedOnly, p, set)
		require.Equal(t, realedit.Corrected, r.Report.Class)
		require.Len(t, severe(r.Report, realedit.CheckPolicyRefused), 1)
		r.Free()
	}
}
