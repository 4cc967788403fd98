package diffuse

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Networks go where the pictures are, and from the processor to a GPU where there is one.
func TestDevicesFor(t *testing.T) {
	needORT(t)
	require.Equal(t, []int{3}, devicesFor(context.Background(), "cuda:3", &Options{}))
	here := devices(t) // what REALEDIT_ORT_PROVIDER says this machine has
	for _, backend := range []string{"cpu", "ref"} {
		require.Equal(t, here, devicesFor(context.Background(), backend, &Options{}))
	}
}
