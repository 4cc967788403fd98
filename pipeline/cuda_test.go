//go:build cuda && cgo

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

var ctx = context.Background()

// gpu is a backend on a GPU, real or emulated (make cuda-emu); the test is skipped where there is none, or fails where
// REALEDIT_REQUIRE names cuda.
func gpu(t testing.TB, spec string) kernels.Backend {
	t.Helper()
	b, err := kernels.Open(spec)
	if errors.Is(err, kernels.ErrNoDevice) {
		phototest.Need(t, "cuda", false)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// emulated tells whether the GPU is the emulated one, which fails when told to.
func emulated(b kernels.Backend) bool { return strings.HasPrefix(b.Caps().Device, "emulated") }

// emulate tells the emulated driver how to be, for one test, which is skipped with a real one.
func emulate(t testing.TB, how string) {
	t.Helper()
	b := gpu(t, "cuda")
	if !emulated(b) {
		t.Skip("needs the emulated driver")
	}
	require.NoError(t, b.Close())
	require.NoError(t, os.Setenv("REALEDIT_EMU", how))
	t.Cleanup(func() { os.Unsetenv("REALEDIT_EMU") })
}

// job is a small set that the route fuse makes a picture of, by OpenCV's formula: what takes the least time.
type job struct {
	set realedit.Set
	p   *Pipeline
}

func small(t testing.TB) job {
	p, err := Fuse(&Options{Merge: kernels.FuseMertens})
	require.NoError(t, err)
	return job{scaled(t, byName(t)["DSC00140"], 0.1), p}
}

// with makes the picture in an Editor of its own.
func (j job) with(ctx context.Context, c realedit.Config) (*realedit.Report, []byte, error) {
	e, err := realedit.New(c)
	if err != nil {
		return nil, nil, err
	}
	return j.by(ctx, e)
}

// by makes the picture. With a report the error is of the file.
func (j job) by(ctx context.Context, e *realedit.Editor) (*realedit.Report, []byte, error) {
	r, err := e.Process(ctx, j.p, j.set)
	if err != nil {
		return nil, nil, err
	}
	defer r.Free()
	var out bytes.Buffer
	err = r.Encode(&out, &realedit.ExportOptions{Format: realedit.PNG})
	return r.Report, pixels(out.Bytes()), err
}

// pixels are the samples of a PNG file, row by row.
func pixels(file []byte) (all []byte) {
	m, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil
	}
	r := m.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			r, g, b, _ := m.At(x, y).RGBA()
			all = append(all, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return all
}

func findings(r *realedit.Report) (all []string) {
	for _, f := range r.Findings {
		all = append(all, fmt.Sprintf("%s %v", f.Check, f.Severity))
	}
	return all
}

// The finished pictures of a GPU are the processor's: class, findings, changes, and pixels but for rounding. In these are a single photo,
// photos that move, a ghost, a window that is pulled.
func TestSamePicturesOnAGPU(t *testing.T) {
	b := gpu(t, "cuda")
	sets := byName(t)
	for _, id := range []string{"DSC00126", "DSC00127", "DSC00137", "DSC00140"} {
		set := scaled(t, sets[id], 0.2)
		p, err := Auto(nil)
		require.NoError(t, err)
		want, a, err := job{set, p}.with(ctx, on(kerneltest.Host(t)))
		require.NoError(t, err)
		got, c, err := job{set, p}.with(ctx, on(b))
		require.NoError(t, err)
		require.Equal(t, want.Class, got.Class, id)
		require.Equal(t, findings(want), findings(got), id)
		for _, s := range got.Stages {
			require.Equal(t, "cuda:0", s.Backend)
			require.Empty(t, s.Fallbacks)
		}
		for k, v := range want.Shares {
			require.InDelta(t, v, got.Shares[k], 0.002, "%s: share of %s", id, k)
		}
		most, differ := 0, 0
		for i := range a {
			d := int(a[i]) - int(c[i])
			most = max(most, d, -d)
			if d != 0 {
				differ++
			}
		}
		t.Logf("%s: at most %d levels, %.3f %% of the samples differ", id, most, 100*float64(differ)/float64(len(a)))
		require.LessOrEqual(t, most, 2, id)
		require.Zero(t, b.Caps().Used, id)
	}
}

// What the stages say they take is what the GPU's memory is taken for, and no more than half as much again.
func TestDeclaredMemoryOnAGPU(t *testing.T) {
	factor := 0.4
	if b := gpu(t, "cuda"); !emulated(b) {
		factor = 4
	}
	for _, c := range []struct {
		set   string
		merge kernels.FuseMethod
	}{{"DSC00126", kernels.FuseRobust}, {"DSC00127", kernels.FuseRobust}, {"DSC00127", kernels.FuseMertens}} {
		set := scaled(t, byName(t)[c.set], factor)
		p, err := Auto(&Options{Merge: c.merge})
		require.NoError(t, err)
		b := gpu(t, "cuda")
		c := on(b)
		c.Policy = realedit.Permissive // with another sky: that takes the most
		_, _, err = job{set, p}.with(ctx, c)
		require.NoError(t, err)
		covers(t, set, p, b.Caps().Peak)
	}
}

// Two Editors on one GPU, closed in either order while the other one works.
func TestTwoEditorsOnOneGPU(t *testing.T) {
	j := small(t)
	_, want, err := j.with(ctx, on(gpu(t, "cuda")))
	require.NoError(t, err)
	for _, first := range []int{0, 1} {
		b := []kernels.Backend{gpu(t, "cuda"), gpu(t, "cuda")}
		var wg sync.WaitGroup
		for i := range b {
			wg.Go(func() {
				for k := range 3 {
					_, got, err := j.with(ctx, on(b[i]))
					if err != nil || !bytes.Equal(want, got) {
						t.Errorf("editor %d, picture %d: another picture, or %v", i, k, err)
					}
					if i == first {
						break
					}
				}
				if err := b[i].Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// A host program that uses CUDA itself: in a context of its own, current on this thread and on another one, and in the primary context, as ONNX
// Runtime has it, which it retained before or releases before the Editor does. Its contexts stay current, its memory stays as it is.
func TestInAProgramThatUsesCUDA(t *testing.T) {
	j := small(t)
	_, want, err := j.with(ctx, on(gpu(t, "cuda")))
	require.NoError(t, err)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dev, err := cu.GetDevice(0)
	require.NoError(t, err)
	own, err := dev.MakeContext(cu.SchedAuto)
	require.NoError(t, err)
	defer own.Destroy()
	mine, err := cu.MemAlloc(1000)
	require.NoError(t, err)
	require.NoError(t, cu.MemsetD8(mine, 7, 1000))

	// The other thread works in the primary context all the time.
	stop, done := make(chan bool), make(chan error)
	go func() {
		runtime.LockOSThread() // and leaves with it
		done <- func() error {
			primary, err := dev.RetainPrimaryCtx()
			if err != nil {
				return err
			}
			defer dev.ReleasePrimaryCtx()
			if err := cu.SetCurrentContext(primary); err != nil {
				return err
			}
			defer cu.SetCurrentContext(cu.CUContext{})
			p, err := cu.MemAlloc(1000)
			if err != nil {
				return err
			}
			defer cu.MemFree(p)
			for k := byte(0); ; k++ {
				select {
				case <-stop:
					return nil
				default:
				}
				if now, err := cu.CurrentContext(); err != nil || now != primary {
					return errors.Join(err, errors.New("another context is current"))
				}
				if err := holds(p, k); err != nil {
					return err
				}
			}
		}()
	}()

	b, err := kernels.Open("cuda")
	require.NoError(t, err)
	_, got, err := j.with(ctx, on(b))
	require.NoError(t, err)
	require.Equal(t, want, got)
	now, err := cu.CurrentContext()
	require.NoError(t, err)
	require.Equal(t, own, now)

	// The host has done with the primary context and the Editor has not, then the other way round.
	close(stop)
	require.NoError(t, <-done)
	_, got, err = j.with(ctx, on(b))
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = dev.RetainPrimaryCtx()
	require.NoError(t, err)
	defer dev.ReleasePrimaryCtx()
	require.NoError(t, b.Close())

	v := make([]byte, 1000)
	require.NoError(t, cu.MemcpyDtoH(pointer(v), mine, 1000))
	require.Equal(t, bytes.Repeat([]byte{7}, 1000), v)
	require.NoError(t, cu.MemFree(mine))
	now, err = cu.CurrentContext()
	require.NoError(t, err)
	require.Equal(t, own, now)
}

// pointer is where bytes lie.
func pointer(v []byte) unsafe.Pointer { return unsafe.Pointer(&v[0]) }

// holds fills device memory of 1000 bytes and reads it back.
func holds(p cu.DevicePtr, k byte) error {
	v := make([]byte, 1000)
	if err := cu.MemsetD8(p, k, 1000); err != nil {
		return err
	}
	if err := cu.MemcpyDtoH(pointer(v), p, 1000); err != nil {
		return err
	}
	if !bytes.Equal(v, bytes.Repeat([]byte{k}, 1000)) {
		return errors.New("memory has changed")
	}
	return nil
}

// Cancelled before, in and between the stages: its code, nothing left behind, and the backend goes on.
func TestCancelledOnAGPU(t *testing.T) {
	j := small(t)
	b := gpu(t, "cuda")
	_, want, err := j.with(ctx, on(b))
	require.NoError(t, err)
	steps := 0
	for done := false; !done; steps++ {
		stopped, cancel := context.WithCancel(ctx)
		c, n := on(b), 0
		c.Progress = func(realedit.Progress) {
			if n++; n == steps {
				cancel()
			}
		}
		if steps == 0 {
			cancel()
		}
		_, got, err := j.with(stopped, c)
		cancel()
		if done = err == nil; done {
			require.Equal(t, want, got)
			require.LessOrEqual(t, n, steps, "cancelled when all was done")
		} else {
			require.Equal(t, realedit.CodeCancelled, realedit.CodeOf(err), "at step %d", steps)
		}
		require.Zero(t, b.Caps().Used, "at step %d", steps)
	}
	require.Greater(t, steps, 3)
	_, got, err := j.with(ctx, on(b))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Whatever call fails, and however: the picture is made, on the GPU or else by the processor, which the report says; nothing is left behind.
func TestAnyCallFails(t *testing.T) {
	emulate(t, "")
	j := small(t)
	_, host, err := j.with(ctx, on(kerneltest.Host(t)))
	require.NoError(t, err)
	_, far, err := j.with(ctx, on(gpu(t, "cuda")))
	require.NoError(t, err)
	for _, call := range []string{"cuMemAlloc", "cuMemHostAlloc", "cuLaunchKernel", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuMemcpy2DAsync", "cuMemsetD8Async",
		"cuStreamSynchronize", "cuStreamWaitEvent", "cuEventRecord", "cuEventSynchronize", "cuModuleGetFunction"} {
		for _, code := range []string{"2", "719"} {
			for _, at := range []string{"1", "3", "17"} {
				how := "fail=" + call + "@" + at + "+:" + code
				b := gpu(t, "cuda")
				e, err := realedit.New(on(b))
				require.NoError(t, err)
				require.NoError(t, os.Setenv("REALEDIT_EMU", how))
				r, got, err := j.by(ctx, e)
				require.NoError(t, os.Unsetenv("REALEDIT_EMU"))
				require.Zero(t, b.Caps().Used, how)
				require.NotNil(t, r, "%s: %v", how, err)
				if err != nil { // the picture could not be fetched
					require.Contains(t, []realedit.Code{realedit.CodeDeviceLost, realedit.CodeOutOfMemory}, realedit.CodeOf(err), how)
					continue
				}
				switch by := r.Stages[0].Backend; {
				case by == "cuda:0":
					require.Equal(t, far, got, how)
				default:
					require.Equal(t, host, got, how)
					check := map[string]string{"2": "backend_out_of_memory", "719": "backend_lost"}[code]
					require.Contains(t, strings.Join(findings(r), ", "), check, how)
				}
			}
		}
	}
}

// Memory that does not suffice in mid-run, because another program has taken it, and a GPU that is smaller than the set.
func TestGPUMemory(t *testing.T) {
	emulate(t, "")
	j := small(t)
	_, host, err := j.with(ctx, on(kerneltest.Host(t)))
	require.NoError(t, err)
	c := on(gpu(t, "cuda"))
	c.Budget.Device = 1 << 20
	r, got, err := j.with(ctx, c)
	require.NoError(t, err)
	require.Equal(t, []string{"backend_too_small info"}, findings(r)[:1])
	require.Equal(t, float64(1<<20), r.Findings[0].Limit)
	require.Equal(t, host, got)

	require.NoError(t, os.Setenv("REALEDIT_EMU", "memory=2000000"))
	r, got, err = j.with(ctx, on(gpu(t, "cuda")))
	require.NoError(t, err)
	require.Equal(t, []string{"backend_too_small info"}, findings(r)[:1])
	require.Equal(t, host, got)

	require.NoError(t, os.Unsetenv("REALEDIT_EMU"))
	e, err := realedit.New(on(gpu(t, "cuda")))
	require.NoError(t, err)
	require.NoError(t, os.Setenv("REALEDIT_EMU", "memory=100000"))
	r, got, err = j.by(ctx, e)
	require.NoError(t, err)
	require.Equal(t, []string{"backend_out_of_memory info"}, findings(r)[:1])
	require.Equal(t, host, got)
}
