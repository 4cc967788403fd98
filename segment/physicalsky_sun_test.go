package segment

import (
	"math"
	"testing"
	"time"

	"github.com/realedit/realedit"
	"github.com/stretchr/testify/require"
)

// Published positions: the worked example of Reda and Andreas, Solar Position Algorithm for Solar Radiation Applications (NREL/TP-560-34302, 2008),
// whose topocentric elevation before refraction is 39.872046° and azimuth 194.340241°; example 25.a of Meeus, whose declination of −7.78507° is the
// elevation seen from the pole; and the June solstice of 2020, 20 June 21:44 UT, when the sun stood over the tropic at 23.4366°.
func TestSunPosition(t *testing.T) {
	e, a := sunAt(time.Date(2003, 10, 17, 12, 30, 30, 0, time.FixedZone("", -7*3600)), 39.742476, -105.1786)
	require.InDelta(t, 39.872046, e, 0.01)
	require.InDelta(t, 194.340241, a, 0.01)
	e, _ = sunAt(time.Date(1992, 10, 13, 0, 0, 0, 0, time.UTC), 90, 0)
	require.InDelta(t, -7.78507, e, 0.01)
	e, _ = sunAt(time.Date(2020, 6, 20, 21, 44, 0, 0, time.UTC), 90, 0)
	require.InDelta(t, 23.4366, e, 0.005)
}

// The clock counts by its offset, else the receiver's, else as the solar time of the longitude; without a place there is no azimuth.
func TestSunOfFacts(t *testing.T) {
	at := time.Date(2024, 6, 1, 10, 0, 0, 0, time.UTC)
	vaduz := realedit.Facts{HasGPS: true, Lat: 47.14, Lon: 9.52}
	want, azimuth := sunAt(at, vaduz.Lat, vaduz.Lon)
	zoned, gps, clock := vaduz, vaduz, vaduz
	zoned.Start, zoned.Zoned = at.In(time.FixedZone("", 7200)), true
	gps.Start, gps.GPSTime = at.Add(2*time.Hour), at // the camera's clock shows local time and says no zone
	clock.Start = at.Add(time.Duration(9.52 / 15 * float64(time.Hour)))
	for _, f := range []realedit.Facts{zoned, gps, clock} {
		e, a, from := sunOf(f)
		require.InDelta(t, want, e, 1e-6)
		require.InDelta(t, azimuth, a, 1e-6)
		require.Equal(t, SunFromGPS, from)
	}
	e, a, from := sunOf(realedit.Facts{Start: at})
	require.True(t, e > 30 && e < 45 && math.IsNaN(a), e)
	require.Equal(t, SunFromClock, from)
	e, _, from = sunOf(realedit.Facts{})
	require.Equal(t, defaultElevation, e)
	require.Equal(t, SunFromDefault, from)
	for _, v := range [][2]float64{{0, 0}, {190, -170}, {-190, 170}, {540, -180}, {-725, -5}} {
		require.InDelta(t, v[1], turn(v[0]), 1e-9)
	}
}
