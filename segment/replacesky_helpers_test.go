package segment

import (
	"io/fs"
	"time"
)

// brokenFS cannot be listed.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

// testTime is an hour of the 20th of June in Central Europe.
func testTime(hour int) time.Time {
	return time.Date(2025, 6, 20, hour, 0, 0, 0, time.FixedZone("", 2*3600))
}
