package segment

import (
	"bytes"
	"testing"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/stretchr/testify/require"
)

// A rendered camera's file tells the lens, the place and the moment, and the plan's sun is theirs.
func TestSunOfAFile(t *testing.T) {
	s := scene.Exterior(scene.ExteriorOptions{W: 90, H: 60, Samples: 1})
	b := s.Bracket(scene.BracketOptions{EVs: []float64{0}, GPS: true, Start: time.Date(2025, 9, 1, 9, 30, 0, 0, time.FixedZone("", 7200))})
	data, err := scene.EncodeJPEG(&b.Photos[0], 90)
	require.NoError(t, err)
	p, err := realedit.Decode(bytes.NewReader(data), nil)
	require.NoError(t, err)
	require.Equal(t, 24.0, p.Facts.Focal35)
	require.True(t, p.Facts.Zoned)
	require.False(t, p.Facts.HasHeading)
	plan := PlanSkies([]realedit.Set{{Photos: []*realedit.Photo{p}}}, nil, false)
	e, a := sunAt(time.Date(2025, 9, 1, 7, 30, 0, 0, time.UTC), 47.14110, 9.52107)
	require.Equal(t, SunFromGPS, plan.From)
	require.InDelta(t, e, plan.Elevation, 0.01)
	require.InDelta(t, a, *plan.Azimuth, 0.01)
}
