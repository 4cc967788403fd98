package parallel

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every index and every element is met once, for any number.
func TestEachOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 16, 17, 1000} {
		met := make([]atomic.Int32, n)
		Each(n, func(i int) { met[i].Add(1) })
		Bands(n, 16, func(from, to int) {
			require.True(t, from < to && to-from <= 16 && from%16 == 0)
			for i := from; i < to; i++ {
				met[i].Add(1)
			}
		})
		for i := range met {
			require.EqualValues(t, 2, met[i].Load(), "%d of %d", i, n)
		}
	}
}

// A panic comes to the caller, not to the process.
func TestPanic(t *testing.T) {
	require.PanicsWithValue(t, "17", func() {
		Each(1000, func(i int) {
			if i == 17 {
				panic("17")
			}
		})
	})
}
