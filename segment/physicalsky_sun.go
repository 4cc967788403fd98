package segment

import (
	"math"
	"time"

	"github.com/realedit/realedit"
)

// SunFrom says what a sun's position was taken from.
type SunFrom string

// Where a sun's position can come from, the best first.
const (
	SunFromGPS     SunFrom = "gps"     // time and place of the photo
	SunFromClock   SunFrom = "clock"   // the camera's clock alone: elevation of an equinox at 45°
	SunFromHeading SunFrom = "heading" // azimuth: time, place and where the camera looked
	SunFromShading SunFrom = "shading" // azimuth: the brighter side of the picture
	SunFromDefault SunFrom = "default" // nothing is known
)

// The sun where nothing is known: a forenoon's, behind the camera and to its left, from where houses are photographed.
const (
	defaultElevation = 42.0
	defaultAzimuth   = -125.0
)

const degree = math.Pi / 180

// sunAt is the sun's geometric elevation and its azimuth from north over east, in degrees: the low-accuracy position of Meeus,
// Astronomical Algorithms (2nd ed. 1998), chapter 25, good for 0.01° between 1950 and 2050, with chapters 12, 13 and 22 for sidereal time,
// the horizon's coordinates and the obliquity. Refraction (0.5° at the horizon) is left out.
func sunAt(t time.Time, lat, lon float64) (elevation, azimuth float64) {
	days := float64(t.UnixNano())/86400e9 + 2440587.5 - 2451545 // since J2000.0
	c := days / 36525
	mean := 280.46646 + c*(36000.76983+c*0.0003032)
	anomaly := (357.52911 + c*(35999.05029-c*0.0001537)) * degree
	centre := (1.914602-c*(0.004817+c*0.000014))*math.Sin(anomaly) + (0.019993-c*0.000101)*math.Sin(2*anomaly) + 0.000289*math.Sin(3*anomaly)
	node := (125.04 - 1934.136*c) * degree
	longitude := (mean + centre - 0.00569 - 0.00478*math.Sin(node)) * degree
	obliquity := (23.439291 - 0.0130042*c + 0.00256*math.Cos(node)) * degree
	sin, cos := math.Sincos(longitude)
	ascension := math.Atan2(math.Cos(obliquity)*sin, cos)
	declination := math.Asin(math.Sin(obliquity) * sin)
	sidereal := 280.46061837 + 360.98564736629*days + 0.000387933*c*c
	hour := (sidereal+lon)*degree - ascension
	phi := lat * degree
	elevation = math.Asin(math.Sin(phi)*math.Sin(declination)+math.Cos(phi)*math.Cos(declination)*math.Cos(hour)) / degree
	azimuth = math.Atan2(math.Sin(hour), math.Cos(hour)*math.Sin(phi)-math.Tan(declination)*math.Cos(phi))/degree + 180
	return elevation, math.Mod(azimuth+360, 360)
}

// momentOf is when a photo was taken in universal time: by the recorded offset from UTC, else the receiver's clock, else the camera's taken for
// the mean solar time of its longitude (which summer time and the breadth of zones put up to two hours wrong).
func momentOf(f realedit.Facts) (time.Time, bool) {
	switch {
	case !f.Start.IsZero() && f.Zoned:
		return f.Start, true
	case !f.GPSTime.IsZero():
		return f.GPSTime, true
	case !f.Start.IsZero() && f.HasGPS:
		return f.Start.Add(-time.Duration(f.Lon / 15 * float64(time.Hour))), true
	}
	return time.Time{}, false
}

// sunOf is the sun's elevation for a photo, its azimuth from north where the place is known (else NaN), and what both come from.
// A sun that is not above the horizon is told as it is.
func sunOf(f realedit.Facts) (elevation, azimuth float64, from SunFrom) {
	if t, ok := momentOf(f); ok && f.HasGPS {
		elevation, azimuth = sunAt(t, f.Lat, f.Lon)
		return elevation, azimuth, SunFromGPS
	}
	if !f.Start.IsZero() {
		h, m, _ := f.Start.Clock()
		hour := (float64(h) + float64(m)/60 - 12) * 15 * degree
		return math.Asin(math.Cos(45*degree)*math.Cos(hour)) / degree, math.NaN(), SunFromClock
	}
	return defaultElevation, math.NaN(), SunFromDefault
}

// turn brings an angle in degrees to [−180, 180).
func turn(a float64) float64 { return math.Mod(math.Mod(a+180, 360)+360, 360) - 180 }
