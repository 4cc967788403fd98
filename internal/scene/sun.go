package scene

import (
	"math"
	"time"
)

// Sun is where the sun stands.
type Sun struct {
	Azimuth   float64 // degrees to the right of the camera's view direction, −180..180
	Elevation float64 // degrees over the horizon, negative below it
	Shines    bool    // it casts shadows
}

// Position of the made-up camera's GPS, degrees north and east.
const (
	Latitude  = 47 + 8.0/60 + 27.96/3600
	Longitude = 9 + 31.0/60 + 15.84/3600
)

// sunSeen is direction d (towards the sun) from a camera with this yaw.
func sunSeen(d vec, yaw float64, shines bool) *Sun {
	az := math.Atan2(d.X, -d.Z) - yaw
	return &Sun{math.Remainder(az, 2*math.Pi) * 180 / math.Pi, math.Atan2(d.Y, math.Hypot(d.X, d.Z)) * 180 / math.Pi, shines}
}

// SunAt is the sun's compass azimuth and its elevation in degrees at a time and place (degrees north, degrees east), without refraction.
// The low-precision formulas of the Astronomical Almanac: within 0.01° from 1950 to 2050.
func SunAt(t time.Time, north, east float64) (azimuth, elevation float64) {
	n := float64(t.UnixNano())/86400e9 - 10957.5 // days since J2000.0
	l, g := deg(280.460+0.9856474*n), deg(357.528+0.9856003*n)
	lambda := l + deg(1.915)*math.Sin(g) + deg(0.020)*math.Sin(2*g)
	eps := deg(23.439 - 0.0000004*n)
	ra := math.Atan2(math.Cos(eps)*math.Sin(lambda), math.Cos(lambda))
	dec := math.Asin(math.Sin(eps) * math.Sin(lambda))
	hour := deg(math.Mod(280.46062+360.98564737*n, 360)+east) - ra
	phi := deg(north)
	elevation = math.Asin(math.Sin(phi)*math.Sin(dec) + math.Cos(phi)*math.Cos(dec)*math.Cos(hour))
	azimuth = math.Atan2(-math.Cos(dec)*math.Sin(hour), math.Sin(dec)*math.Cos(phi)-math.Cos(dec)*math.Sin(phi)*math.Cos(hour))
	return math.Mod(azimuth*180/math.Pi+360, 360), elevation * 180 / math.Pi
}
