package diffuse

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// anonymous is the process's anonymous resident memory in bytes; 0 where the system does not tell.
func anonymous() (bytes int64) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "RssAnon:"); ok {
			fmt.Sscan(v, &bytes)
			return bytes << 10
		}
	}
	return 0
}

// Memory does not grow over fifty pictures of many sizes, whether networks stay loaded or come and go.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() || anonymous() == 0 {
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
		return anonymous()
	}
	before := run(10)
	after := run(50)
	t.Logf("%d MB after 10 pictures, %d MB after 60", before>>20, after>>20)
	require.Less(t, after-before, int64(32<<20))
}
