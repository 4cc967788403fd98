package diffuse

import (
	"context"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/procmem"
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
	require.Less(t, after-before, int64(32<<20))
}
