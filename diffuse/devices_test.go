package diffuse

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Networks go where the pictures are, and from the processor to a GPU where there is one.
func TestDevicesFor(t *testing.T) {
	needORT(t)
	three, err := devicesFor(context.Background(), "cuda:3", &Options{})
	require.NoError(t, err)
	require.Equal(t, []int{3}, three)
	here := devices(t) // what REALEDIT_ORT_PROVIDER says this machine has
	for _, backend := range []string{"cpu", "ref"} {
		found, why := devicesFor(context.Background(), backend, &Options{})
		require.Equal(t, here, found)
		require.Equal(t, len(here) == 0, why != nil, "%v", why)
	}
}
