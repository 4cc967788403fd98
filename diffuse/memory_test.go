package diffuse

import (
	"context"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/procmem"
	"github.com/realedit/realedit/kernels"
)

// Memory does not grow over fifty pictures of many sizes, whether networks stay loaded or come and go.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() || procmem.Bytes("RssAnon") == 0 {
		t.Skip("short, or the system does not say what is resident")
	}
	e := open(t, "unet", false, Profile{Resident: true})
	run := func(n int) int64 {
		for i := range n {
			e.o.Profile.Resident = i%5 > 0
			j := tiled(t, 64+8*(i%3), 64)
			j.Controls = nil
			r, err := e.Run(context.Background(), j)
			require.NoError(t, err)
			r.Picture.Free()
		}
		debug.FreeOSMemory()
		return procmem.Bytes("RssAnon")
	}
	before := run(10)
	after := run(50)
	t.Logf("%d MB after 10 pictures, %d MB after 60", before>>20, after>>20)
	bound := int64(32 << 20)
	if e.cuda { // of networks that stay loaded cuDNN keeps some of its plans, 5 MB for each of the ten times that they are loaded again here
		bound = 80 << 20
	}
	require.Less(t, after-before, bound)
}

// Where a card's memory does not do for a profile the next smaller one makes the picture, if that was asked for, and those after it; where none is left the job fails.
func TestStepDown(t *testing.T) {
	e := open(t, "unet", false, Profile40GB)
	full := realedit.Errorf(realedit.CodeOutOfMemory, "diffuse", "%w", kernels.ErrOutOfMemory)
	var tried []string
	var fits string
	e.fault = func(p Profile) error {
		if tried = append(tried, p.Name); p.Name == fits {
			return nil
		}
		return full
	}
	j := tiled(t, 64, 64)
	j.Controls = nil
	_, err := e.Run(t.Context(), j)
	require.ErrorIs(t, err, full, "nobody asked for another profile")
	require.Equal(t, []string{"40GB+"}, tried)
	e.o.StepDown, fits, tried = true, "8GB", nil
	for range 2 {
		r, err := e.Run(t.Context(), j)
		require.NoError(t, err)
		require.Equal(t, Profile8GB, r.Profile)
		r.Picture.Free()
	}
	require.Equal(t, []string{"40GB+", "24GB", "8GB", "8GB"}, tried)
	fits, tried = "", nil
	_, err = e.Run(t.Context(), j)
	require.ErrorIs(t, err, full)
	require.Equal(t, []string{"8GB", "8GB, one tile at a time"}, tried)
	full, tried, e.o.Profile = realedit.Errorf(realedit.CodeOutOfMemory, "diffuse", "%w", kernels.ErrHostMemory), nil, Profile40GB
	_, err = e.Run(t.Context(), j)
	require.ErrorIs(t, err, full, "it is the host's memory that is full")
	require.Len(t, tried, 1)
}

// Profiles are taken where they have room: what they took when it was measured is in docs/benchmarks.md.
func TestProfileFor(t *testing.T) {
	for free, want := range map[int64]string{0: "8GB", 20e9: "8GB", 22.1e9: "8GB", 24e9: "24GB", 45.1e9: "24GB", 48e9: "40GB+", 80e9: "40GB+"} {
		require.Equal(t, want, ProfileFor(free).Name, "%d", free)
	}
}
