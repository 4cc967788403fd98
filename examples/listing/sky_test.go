package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/segment"
)

// blueSky is a JPEG of one blue.
func blueSky(t *testing.T, b uint8) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		m.SetNRGBA(i%64, i/64, color.NRGBA{80, 130, b, 255})
	}
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, m, nil))
	return out.Bytes()
}

// -sky says where skies come from; a set is done again when the source or the library's contents change, and not when the folder is another one with the same skies.
func TestSkyFlag(t *testing.T) {
	dir, same := t.TempDir(), t.TempDir()
	put := func(dir, name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	put(dir, "a.jpg", blueSky(t, 210))
	put(dir, "broken.jpg", []byte("no photograph"))
	put(same, "a.jpg", blueSky(t, 210))
	record := func(sky string) string {
		o, err := parse([]string{"-sky", sky, "x"})
		require.NoError(t, err, sky)
		return o.record("cpu", realedit.AB723, true)
	}
	seen := map[string]string{}
	for _, sky := range []string{"keep", "auto", "physical", "model", "library:" + dir} {
		r := record(sky)
		require.Empty(t, seen[r], sky)
		seen[r] = sky
	}
	require.Equal(t, record("library:"+dir), record("library:"+same))
	put(dir, "a.jpg", blueSky(t, 220))
	require.NotEqual(t, record("library:"+dir), record("library:"+same))

	o, err := parse([]string{"x"})
	require.NoError(t, err)
	require.Equal(t, segment.SkyAuto, o.sky.Source)
	o, err = parse([]string{"-sky", "library:" + dir, "x"})
	require.NoError(t, err)
	require.Equal(t, 1, o.sky.Skies.Len())
	require.Equal(t, filepath.Base(dir), o.sky.Library, "the report has the folder's name, not its path")
	require.Equal(t, realedit.CheckSkySource, o.sky.Skies.Findings()[0].Check)
	require.Equal(t, "a.jpg", o.skyOf([]realedit.Set{{Photos: []*realedit.Photo{{}}}}).Plan.Sky)
	for _, bad := range []string{"blue", "library:", "library:" + filepath.Join(dir, "none")} {
		_, err := parse([]string{"-sky", bad, "x"})
		var usage usageError
		require.ErrorAs(t, err, &usage, bad)
	}
}
