package safetensors

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit"
)

// shelf asks a cache for files of 1000 bytes and a header.
type shelf struct {
	*testing.T
	Cache
}

func (s *shelf) ask(key string) (path string, cached bool) {
	s.Helper()
	metadata, specs := map[string]string{"key": key}, []Spec{{"x", U8, []int{1000}}}
	path, cached, err := s.File(s.Context(), key, metadata, specs, func(path string) error {
		return WriteFile(path, metadata, specs, func(_ int, w io.Writer) error {
			_, err := w.Write(make([]byte, 1000))
			return err
		})
	})
	require.NoError(s, err)
	require.FileExists(s, path)
	return path, cached
}

func (s *shelf) age(path string, d time.Duration) {
	s.Helper()
	require.NoError(s, os.Chtimes(path, time.Now().Add(-d), time.Now().Add(-d)))
}

// The files that were asked for longest ago go when another would be beyond the limit, and nothing that is no cache's.
func TestCacheIsBounded(t *testing.T) {
	s := &shelf{t, Cache{t.TempDir(), 3500}}
	var paths []string
	for i := range 3 {
		p, cached := s.ask(strconv.Itoa(i))
		require.False(t, cached)
		s.age(p, time.Duration(100-i)*time.Hour)
		paths = append(paths, p)
	}
	own := []string{"sdxl.safetensors", "realedit-notes.txt", "." + filepath.Base(paths[0])}
	for _, name := range own {
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir, name), make([]byte, 5000), 0o600))
		s.age(filepath.Join(s.Dir, name), 1000*time.Hour)
	}
	again, cached := s.ask("0") // the oldest, but asked for now
	require.True(t, cached)
	require.Equal(t, paths[0], again)
	s.ask("3")
	require.FileExists(t, paths[0])
	require.NoFileExists(t, paths[1])
	require.FileExists(t, paths[2])
	for _, name := range own {
		require.FileExists(t, filepath.Join(s.Dir, name))
	}
	_, cached = s.ask("1")
	require.False(t, cached)
	require.NoFileExists(t, paths[2])

	s.age(paths[0], time.Minute)
	last, _ := s.ask("4") // all others were asked for just now
	require.FileExists(t, paths[0])
	s.age(paths[0], 2*time.Hour)
	s.age(last, time.Hour)
	s.Limit = -1
	s.ask("5")
	require.FileExists(t, paths[0])
	s.Limit = 0
	s.ask("6")
	require.FileExists(t, paths[0])
}

// A file that is open stays, whichever process has it open; afterwards it goes.
func TestHeldFilesStay(t *testing.T) {
	if path := os.Getenv("REALEDIT_TEST_HOLD"); path != "" { // the other process
		f, err := Open(path)
		require.NoError(t, err)
		f.Hold()
		_, _ = os.Stdout.WriteString("!")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	s := &shelf{t, Cache{t.TempDir(), 1}}
	here, _ := s.ask("here")
	there, _ := s.ask("there")
	f, err := Open(here)
	require.NoError(t, err)
	f.Hold()
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHeldFilesStay$")
	other.Env = append(os.Environ(), "REALEDIT_TEST_HOLD="+there)
	in, err := other.StdinPipe()
	require.NoError(t, err)
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	_, err = io.ReadFull(out, make([]byte, 1))
	require.NoError(t, err)
	s.age(here, 48*time.Hour)
	s.age(there, 48*time.Hour)
	s.ask("a")
	require.FileExists(t, here)
	require.FileExists(t, there)
	require.NoError(t, f.Close())
	require.NoError(t, in.Close())
	require.NoError(t, other.Wait())
	s.ask("b")
	require.NoFileExists(t, here)
	require.NoFileExists(t, there)
}

// Killed calls leave parts, of gigabytes: those that nobody has written to for an hour go with the next file. A file that is not whole is made again, and what cannot be made leaves nothing.
func TestCacheMends(t *testing.T) {
	s := &shelf{t, Cache{filepath.Join(t.TempDir(), "[new]"), 0}}
	path, _ := s.ask("x")
	old, young := filepath.Join(s.Dir, ".a.safetensors-1.part"), filepath.Join(s.Dir, ".b.safetensors-2.part")
	for _, p := range []string{old, young} {
		require.NoError(t, os.WriteFile(p, []byte("x"), 0o644))
	}
	s.age(old, 61*time.Minute)
	require.NoError(t, os.Truncate(path, 900))
	_, cached := s.ask("x")
	require.False(t, cached)
	require.NoFileExists(t, old)
	require.FileExists(t, young)
	_, cached = s.ask("x")
	require.True(t, cached)

	broken := errors.New("broken")
	_, _, err := s.File(t.Context(), "y", nil, nil, func(string) error { return broken })
	require.ErrorIs(t, err, broken)
	_, _, err = Cache{Dir: filepath.Join(path, "below a file")}.File(t.Context(), "y", nil, nil, nil)
	require.Equal(t, realedit.CodeWriteFailed, realedit.CodeOf(err))
}

// Who asks for a file while it is made waits for it, until cancelled, and takes it; a file of another name is made afterwards.
func TestCacheTakesTurns(t *testing.T) {
	var made atomic.Int32
	c := Cache{Dir: t.TempDir()}
	write := func(path string) error {
		made.Add(1)
		time.Sleep(50 * time.Millisecond)
		return WriteFile(path, nil, nil, nil)
	}
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			path, _, err := c.File(t.Context(), strconv.Itoa(i/3), nil, nil, write)
			require.NoError(t, err)
			require.FileExists(t, path)
		})
	}
	wait.Wait()
	require.EqualValues(t, 2, made.Load())
	_, _, err := c.File(t.Context(), "outer", nil, nil, func(path string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _, err := c.File(ctx, "inner", nil, nil, write)
		require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
		return err
	})
	require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err))
	require.EqualValues(t, 2, made.Load())
}
