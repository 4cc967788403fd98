package realedit

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

type mapStore map[[32]byte][]byte

func (m mapStore) Load(sum [32]byte) []byte        { return m[sum] }
func (m mapStore) Save(sum [32]byte, facts []byte) { m[sum] = facts }

// A photo that was seen before is opened without being decoded, and is the same photo; broken facts are found out.
func TestKnownPhotosAreNotDecoded(t *testing.T) {
	names, err := filepath.Glob("testdata/listing/*.JPG")
	require.NoError(t, err)
	for _, name := range names[:4] {
		store := mapStore{}
		o := &DecodeOptions{Facts: store}
		first, err := Open(name, o)
		require.NoError(t, err)
		require.Len(t, store, 1)
		require.EqualValues(t, 1, first.decoded)
		second, err := Open(name, o)
		require.NoError(t, err)
		require.Zero(t, second.decoded)
		require.True(t, first.Facts.Start.Equal(second.Facts.Start))
		_, zone := first.Facts.Start.Zone()
		_, again := second.Facts.Start.Zone()
		require.Equal(t, zone, again)
		second.Facts.Start, second.Facts.GPSTime, second.decoded = first.Facts.Start, first.Facts.GPSTime, 1
		require.Equal(t, first, second)

		for sum := range store {
			store[sum] = store[sum][:len(store[sum])/2]
		}
		third, err := Open(name, o)
		require.NoError(t, err)
		require.EqualValues(t, 1, third.decoded)
	}
	data, err := os.ReadFile(names[0])
	require.NoError(t, err)
	p, err := Decode(bytes.NewReader(data), nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.decoded)
}
