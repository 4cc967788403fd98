package pipeline

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/scene"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
	"github.com/stretchr/testify/require"
)

// rendered is a rendered bracket as a set, darkest photo first, as ingest would give it.
func rendered(t testing.TB, b *scene.Bracket) realedit.Set {
	t.Helper()
	var photos []*realedit.Photo
	for i := range b.Photos {
		data, err := scene.EncodeJPEG(&b.Photos[i], 95)
		require.NoError(t, err)
		p, err := realedit.Decode(bytes.NewReader(data), nil)
		require.NoError(t, err)
		p.Name = b.Photos[i].EXIF.FileName()
		photos = append(photos, p)
	}
	sets, err := realedit.Group(photos, &realedit.GroupOptions{})
	require.NoError(t, err)
	require.Len(t, sets, 1)
	return sets[0]
}

func process(t testing.TB, route string, o *Options, policy realedit.Policy, set realedit.Set) *realedit.Result {
	t.Helper()
	e, err := realedit.New(realedit.Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: policy})
	require.NoError(t, err)
	p, err := Route(route, o)
	require.NoError(t, err)
	r, err := e.Process(context.Background(), p, set)
	require.NoError(t, err)
	return r
}

// keep writes a result where REALEDIT_LOOK says, for eyes.
func keep(t testing.TB, name string, r *realedit.Result) {
	dir := os.Getenv("REALEDIT_LOOK")
	if dir == "" {
		return
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	f, err := os.Create(filepath.Join(dir, name+".png"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, r.Encode(f, &realedit.ExportOptions{Format: realedit.PNG}))
}

func TestRoutesOnARoom(t *testing.T) {
	s := scene.Interior(scene.InteriorOptions{W: 480, H: 320, Room: 1, Wall: 1, Light: scene.Lamps2700})
	b := s.Bracket(scene.BracketOptions{Hand: 8})
	set := rendered(t, b)
	for route, class := range map[string]realedit.Class{"fuse": realedit.Unaltered, "auto": realedit.Corrected} {
		r := process(t, route, nil, realedit.AB723, set)
		require.Equal(t, class, r.Report.Class)
		keep(t, "room-"+route, r)
		t.Logf("%s: %v %+v", route, r.Report.Measures, r.Report.Shares)
		for _, s := range r.Report.Stages {
			t.Logf("  %s %.2fs %v", s.Name, s.Seconds, s.Fallbacks)
		}
		for _, f := range r.Report.Findings {
			t.Logf("  %+v", f)
		}
		r.Free()
	}
}
