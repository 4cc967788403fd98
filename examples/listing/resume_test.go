package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// undisturbed is what a run without interruptions leaves, and how long it took.
func undisturbed(t *testing.T, in string, sets int) (map[string]string, time.Duration) {
	t.Helper()
	out := t.TempDir()
	start := time.Now()
	require.NoError(t, process(out, in).Run())
	took := time.Since(start)
	s := readBatch(t, out)
	require.Equal(t, sets, s.Counts.Finished)
	return contents(t, out), took
}

// process is the command as a process of its own.
func process(out, in string) *exec.Cmd {
	c := exec.Command(os.Args[0], append(quick(out, "-q"), in)...)
	c.Env = append(os.Environ(), "REALEDIT_LISTING_MAIN=1")
	c.Stderr = os.Stderr
	return c
}

// A run killed at random instants ends, when it is started again, with the bytes of an
// undisturbed one. REALEDIT_KILLS=10 kills a run over the whole sample listing so often;
// without it a small one is killed three times.
func TestKilledRunResumes(t *testing.T) {
	kills, in, sets := 3, t.TempDir(), 4
	put(t, in, 0, 1, 2, 3)
	if s := os.Getenv("REALEDIT_KILLS"); s != "" {
		var err error
		kills, err = strconv.Atoi(s)
		require.NoError(t, err)
		in, sets = "../../testdata/listing", 7
	}
	want, took := undisturbed(t, in, sets)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, a run takes %v", seed, took)
	r := rand.New(rand.NewPCG(seed, 1))
	out := t.TempDir()
	inMidRun := 0
	for range kills {
		c := process(out, in)
		require.NoError(t, c.Start())
		// Weighted to the run's second half, where files are written.
		time.Sleep(time.Duration((0.3 + 0.7*r.Float64()) * float64(took)))
		require.NoError(t, errors.Join(ignoreDone(c.Process.Kill()), ignoreExit(c.Wait())))
		if len(contents(t, out)) < len(want) {
			inMidRun++
		}
		if len(contents(t, out)) >= len(want) { // it was done: the next instant needs work to interrupt
			require.NoError(t, process(out, in).Run())
			require.Equal(t, want, contents(t, out))
			out = t.TempDir()
		}
	}
	t.Logf("%d of %d kills came before the end", inMidRun, kills)
	require.NoError(t, process(out, in).Run())
	require.Equal(t, want, contents(t, out))
	noTemporaries(t, out)
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func ignoreExit(err error) error {
	if errors.As(err, new(*exec.ExitError)) {
		return nil
	}
	return err
}

// The same at every place between the files' names and the journal: the writer fails
// after so many bytes, as on a full disk.
func TestFullDiskLeavesNothingHalfWritten(t *testing.T) {
	in := t.TempDir()
	put(t, in, 0, 3)
	whole := t.TempDir()
	require.Equal(t, exitDone, call(t, append(quick(whole), in)...).code)
	want := contents(t, whole)
	for _, room := range []int{0, 600, 3000, 9000, 20000, 40000} {
		out := t.TempDir()
		left := room
		c := &command{fault: func(_ string, w io.Writer) io.Writer { return &smallDisk{w, &left} }}
		r := callWith(t, c, append(quick(out, "-jobs", "1"), in)...)
		require.Equal(t, exitFailed, r.code, "%d bytes: %s", room, r.stderr)
		require.Contains(t, r.stderr, "listing: disk_full: ", "%d bytes", room)
		for f, sum := range contents(t, out) {
			require.NotContains(t, f, tempPrefix)
			require.Equal(t, want[f], sum, "%s after %d bytes is whole", f, room)
		}
		require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
		require.Equal(t, want, contents(t, out))
	}
}

// smallDisk has so many bytes left.
type smallDisk struct {
	w    io.Writer
	left *int
}

func (d *smallDisk) Write(p []byte) (int, error) {
	if len(p) > *d.left {
		n, err := d.w.Write(p[:*d.left])
		*d.left = 0
		return n, errors.Join(&os.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}, err)
	}
	*d.left -= len(p)
	return d.w.Write(p)
}

// Ctrl-C: exit 1 with its code, nothing half-written, and the next run goes on.
func TestSignalStopsCleanly(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 2, 3)
	want, took := undisturbed(t, in, 4)
	c := process(out, in)
	var stderr strings.Builder
	c.Stderr = &stderr
	require.NoError(t, c.Start())
	time.Sleep(took / 2)
	require.NoError(t, ignoreDone(c.Process.Signal(syscall.SIGTERM)))
	if err := c.Wait(); err != nil { // else it was faster than we
		require.Equal(t, exitFailed, c.ProcessState.ExitCode(), stderr.String())
		require.Contains(t, stderr.String(), "listing: cancelled")
	}
	noTemporaries(t, out)
	require.NoError(t, process(out, in).Run())
	require.Equal(t, want, contents(t, out))
}

func TestCancelledContext(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stderr strings.Builder
	c := &command{stdout: io.Discard, stderr: &stderr}
	require.Equal(t, exitFailed, c.run(ctx, append(quick(out), in)))
	require.Contains(t, stderr.String(), "listing: cancelled")
	noTemporaries(t, out)
}

func TestOnlyWhatChangedIsRedone(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 3)
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	want := contents(t, out)

	require.NoError(t, os.Remove(filepath.Join(out, "DSC00013.changes.png")))
	require.NoError(t, os.WriteFile(filepath.Join(out, ".realedit-123.tmp"), []byte("left over"), 0o644))
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.Equal(t, 2, readBatch(t, out).Counts.Resumed)
	require.Equal(t, want, contents(t, out))

	require.Equal(t, exitDone, call(t, append(quick(out, "-quality", "80"), in)...).code)
	require.Equal(t, 0, readBatch(t, out).Counts.Resumed, "other options, other pictures")
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.Equal(t, want, contents(t, out))

	require.NoError(t, os.Remove(filepath.Join(in, "DSC00012.JPG")))
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.Equal(t, 2, readBatch(t, out).Counts.Resumed, "one set has other photos")

	// A journal cut off in the middle of a line costs at most the set it spoke of.
	path := filepath.Join(out, stateDir, journalName)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data[:len(data)-10], 0o644))
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
	require.Equal(t, 3, readBatch(t, out).Counts.Finished)
}

func TestTwoRunsDoNotShareAFolder(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	put(t, in, 3)
	o, err := openOutput(resolve(out), nil)
	require.NoError(t, err)
	r := call(t, append(quick(out), in)...)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "listing: write_failed: ")
	require.NoError(t, o.close())
	require.Equal(t, exitDone, call(t, append(quick(out), in)...).code)
}
