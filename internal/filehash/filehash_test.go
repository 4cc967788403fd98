package filehash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counted counts the bytes that are read of a file, and calls during before it reads.
type counted struct {
	*os.File
	read   *atomic.Int64
	during func()
}

func (c counted) ReadAt(b []byte, off int64) (int, error) {
	if c.during != nil {
		c.during()
	}
	n, err := c.File.ReadAt(b, off)
	c.read.Add(int64(n))
	return n, err
}

func digits(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// A file is read once, whoever asks and with however many of them at once, until it is another.
func TestOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	text := make([]byte, 3<<20+5)
	var read atomic.Int64
	open := func() counted {
		f, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return counted{File: f, read: &read}
	}
	ask := func() {
		t.Helper()
		sum, err := SHA256(t.Context(), open())
		require.NoError(t, err)
		require.Equal(t, digits(text), sum)
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
	var wait sync.WaitGroup
	for range 8 {
		f := open()
		wait.Go(func() {
			_, err := SHA256(t.Context(), f)
			require.NoError(t, err)
		})
	}
	wait.Wait()
	ask()
	require.EqualValues(t, len(text), read.Load())

	stays := open()
	text[0] = 1 // another file of the same size and time at the path
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".new", text, 0o600))
	require.NoError(t, os.Chtimes(path+".new", info.ModTime(), info.ModTime()))
	require.NoError(t, os.Rename(path+".new", path))
	read.Store(0)
	ask()
	require.EqualValues(t, len(text), read.Load())
	sum, err := SHA256(t.Context(), stays)
	require.NoError(t, err)
	require.Equal(t, digits(make([]byte, len(text))), sum, "what is open is not what the path has now")

	text[1] = 1 // the same file, later
	require.NoError(t, os.WriteFile(path, text, 0o600))
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime().Add(time.Second)))
	ask()
	text = text[:7]
	require.NoError(t, os.WriteFile(path, text, 0o600))
	ask()
}

// What changes or ends while it is read has no hash, and neither has what is cancelled.
func TestNoHash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(path, make([]byte, 3<<20), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var read atomic.Int64
	_, err = SHA256(t.Context(), counted{f, &read, func() { require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(read.Load(), 0))) }})
	require.ErrorIs(t, err, ErrChanged)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = SHA256(ctx, counted{f, &read, func() { cancel(why) }})
	require.ErrorIs(t, err, why)
	_, err = SHA256(ctx, f)
	require.ErrorIs(t, err, why)
	_, err = SHA256(t.Context(), counted{f, &read, func() { require.NoError(t, os.Truncate(path, 100)) }})
	require.ErrorIs(t, err, ErrChanged)
	sum, err := SHA256(t.Context(), f)
	require.NoError(t, err)
	require.Equal(t, digits(make([]byte, 100)), sum, "none of these was kept")
}
