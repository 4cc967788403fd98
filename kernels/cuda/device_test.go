//go:build cuda && cgo

package cuda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels"
)

var ctx = context.Background()

// noise is a host image of random bytes.
func noise(t testing.TB, w, h, c int, f kernels.Format, seed uint64) *kernels.Image {
	m, err := kernels.NewHostImage(nil, w, h, c, f)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	r := rand.New(rand.NewPCG(seed, 1))
	for y := range h {
		row := m.Row(y)
		for i := range row {
			row[i] = byte(r.Uint32())
		}
	}
	return m
}

func requireSame(t testing.TB, want, got *kernels.Image) {
	t.Helper()
	for y := range want.Height() {
		if !bytes.Equal(want.Row(y), got.Row(y)) {
			t.Fatalf("row %d of %v differs", y, want)
		}
	}
}

// Every way a picture can travel keeps its bytes: ordinary and page-locked memory, windows, large and small, rows longer than a buffer.
func TestCopies(t *testing.T) {
	b := gpu(t)
	sizes := []image.Point{{1, 1}, {7, 5}, {641, 397}, {3000, 2100}, {1 << 20, 3}}
	if emulated(b) && testing.Short() {
		sizes = sizes[:3]
	}
	for _, size := range sizes {
		for _, window := range []bool{false, true} {
			for _, pinned := range []bool{false, true} {
				w, h := size.X, size.Y
				src := noise(t, w, h, 3, kernels.U16, uint64(w))
				host := func() *kernels.Image {
					if !pinned {
						return noise(t, w, h, 3, kernels.U16, 99)
					}
					m, err := b.NewHostImage(w, h, 3, kernels.U16)
					require.NoError(t, err)
					t.Cleanup(m.Free)
					return m
				}
				from, to := host(), host()
				require.NoError(t, b.Copy(ctx, from, src))
				pw, ph := w, h
				if window && w < kernels.MaxSide {
					pw, ph = w+5, h+3
				}
				whole, err := b.NewImage(pw, ph, 3, kernels.U16)
				require.NoError(t, err)
				other, err := b.NewImage(pw, ph, 3, kernels.U16)
				require.NoError(t, err)
				r := image.Rect(pw-w, ph-h, pw, ph)
				require.NoError(t, b.Copy(ctx, whole.SubImage(r), from))
				require.NoError(t, b.Copy(ctx, other.SubImage(r), whole.SubImage(r)))
				require.NoError(t, b.Copy(ctx, to, other.SubImage(r)))
				requireSame(t, src, to)
				whole.Free()
				other.Free()
			}
		}
	}
}

// Images of one backend reach another one through Copy, and are refused as arguments of its operations.
func TestTwoBackends(t *testing.T) {
	a, b := gpu(t), gpu(t)
	src := noise(t, 300, 200, 3, kernels.U8, 3)
	da, err := a.NewImage(300, 200, 3, kernels.U8)
	require.NoError(t, err)
	db, err := b.NewImage(300, 200, 3, kernels.U8)
	require.NoError(t, err)
	require.NoError(t, a.Copy(ctx, da, src))
	require.NoError(t, b.Copy(ctx, db, da))
	require.NoError(t, a.Copy(ctx, da, db))
	back := noise(t, 300, 200, 3, kernels.U8, 4)
	require.NoError(t, b.Copy(ctx, back, db))
	requireSame(t, src, back)
	require.ErrorIs(t, a.Ops().Convert(da, db), kernels.ErrInvalid)
}

// Work of several goroutines on one backend does not mix, though all share one queue and one pool.
func TestManyGoroutines(t *testing.T) {
	b := gpu(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 10 {
				w, h := 50+g*13+i, 40+i*7
				src := noise(t, w, h, 3, kernels.U8, uint64(g*100+i))
				x, err := b.NewImage(w, h, 3, kernels.U8)
				if err != nil {
					t.Error(err)
					return
				}
				y, err := b.NewImage(w, h, 3, kernels.U8)
				if err != nil {
					t.Error(err)
					return
				}
				back := noise(t, w, h, 3, kernels.U8, 5)
				if err := errors.Join(b.Copy(ctx, x, src), b.Ops().Convert(y, x), b.Copy(ctx, back, y)); err != nil {
					t.Error(err)
					return
				}
				x.Free()
				y.Free()
				for y := range h {
					if !bytes.Equal(src.Row(y), back.Row(y)) {
						t.Errorf("goroutine %d: row %d differs", g, y)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// Operations take images in host memory too, also mixed with the device's.
func TestHostArguments(t *testing.T) {
	b := gpu(t)
	src, dst := noise(t, 333, 77, 3, kernels.U8, 1), noise(t, 333, 77, 3, kernels.U8, 2)
	require.NoError(t, b.Ops().Convert(dst, src))
	requireSame(t, src, dst)
	dev, err := b.NewImage(333, 77, 3, kernels.U8)
	require.NoError(t, err)
	defer dev.Free()
	require.NoError(t, b.Ops().Convert(dev, src))
	back := noise(t, 333, 77, 3, kernels.U8, 3)
	require.NoError(t, b.Ops().Convert(back, dev))
	requireSame(t, src, back)
}

// The limit holds, an allocation past it is out_of_memory, and memory that was given back is used again.
func TestLimit(t *testing.T) {
	b := gpu(t)
	b.SetLimit(64 << 20)
	require.LessOrEqual(t, b.Caps().Free, int64(64<<20))
	_, err := b.NewImage(8192, 8192, 1, kernels.U8)
	require.NoError(t, err) // 64 MiB: all of it
	_, err = b.NewImage(100, 100, 3, kernels.U8)
	require.ErrorIs(t, err, kernels.ErrOutOfMemory)
	b.SetLimit(200 << 20)
	for range 50 {
		m, err := b.NewImage(8192, 4096, 1, kernels.U8)
		require.NoError(t, err)
		m.Free()
	}
	require.LessOrEqual(t, b.Caps().Peak, int64(200<<20))
}

// More than 2³¹ bytes in one picture (a real GPU only).
func TestBeyond2GiB(t *testing.T) {
	b := gpu(t)
	if emulated(b) {
		t.Skip("the emulated GPU is too small")
	}
	const w, h = 30000, 26000 // 2.34 GB
	src, err := b.NewImage(w, h, 3, kernels.U8)
	require.NoError(t, err)
	defer src.Free()
	dst, err := b.NewImage(w, h, 3, kernels.U8)
	require.NoError(t, err)
	defer dst.Free()
	part := noise(t, 400, 300, 3, kernels.U8, 7)
	corner := image.Rect(w-400, h-300, w, h)
	require.NoError(t, b.Copy(ctx, src.SubImage(corner), part))
	require.NoError(t, b.Ops().Convert(dst, src))
	back := noise(t, 400, 300, 3, kernels.U8, 8)
	require.NoError(t, b.Copy(ctx, back, dst.SubImage(corner)))
	requireSame(t, part, back)
}

// A host program that uses CUDA itself keeps its context.
func TestHostsContextStays(t *testing.T) {
	b := gpu(t)
	require.NoError(t, b.on(func() error { // as a host that has made a context current
		before, err := cu.CurrentContext()
		require.NoError(t, err)
		_, err = b.NewImage(10, 10, 1, kernels.U8)
		require.NoError(t, err)
		require.NoError(t, b.Sync(ctx))
		after, err := cu.CurrentContext()
		require.Equal(t, before, after)
		return err
	}))
}

// Closed twice, used after Close: an error, no crash.
func TestClose(t *testing.T) {
	k, err := kernels.Open("cuda")
	if errors.Is(err, kernels.ErrNoDevice) {
		phototest.Need(t, "cuda", false)
	}
	require.NoError(t, err)
	m, err := k.NewImage(10, 10, 1, kernels.U8)
	require.NoError(t, err)
	require.NoError(t, k.Close())
	require.NoError(t, k.Close())
	m.Free()
	_, err = k.NewImage(10, 10, 1, kernels.U8)
	require.ErrorIs(t, err, kernels.ErrDeviceLost)
}

// A fatbin that was damaged is refused with a code: another file, one cut off, which the driver must not see, one whose entries do not fit.
// What is in them the driver judges.
func TestCorruptFatbin(t *testing.T) {
	b := gpu(t)
	const head = 16
	for name, image := range map[string]string{
		"none":    "",
		"another": "this is no fatbin" + fatbin,
		"cut off": fatbin[:len(fatbin)/2],
		"longer":  fatbin + "\x00",
		"entry":   fatbin[:head] + strings.Repeat("\xff", head) + fatbin[2*head:],
	} {
		require.False(t, complete(image), name)
		_, err := open(b.index, image)
		require.ErrorIs(t, err, kernels.ErrUnsupported, name)
	}
	require.True(t, complete(fatbin))
	if emulated(b) {
		fails(t, "fail=cuModuleLoadData@1:200")
		_, err := open(b.index, fatbin)
		require.ErrorIs(t, err, kernels.ErrUnsupported)
	}
	require.NoError(t, b.Sync(ctx), "who has one that is well goes on")
}

func TestNoSuchGPU(t *testing.T) {
	gpu(t)
	_, err := kernels.Open("cuda:99")
	require.ErrorIs(t, err, kernels.ErrNoDevice)
	_, err = kernels.Open("cuda:first")
	require.ErrorIs(t, err, kernels.ErrInvalid)
}

// TestDriver opens the driver as the environment names it, in a process of its own: see TestDrivers.
func TestDriver(t *testing.T) {
	if os.Getenv("REALEDIT_TEST_DRIVER") == "" {
		t.Skip("run by TestDrivers")
	}
	_, err := kernels.Open("cuda")
	fmt.Printf("no device: %v\nsays: %v\n", errors.Is(err, kernels.ErrNoDevice), err)
	b, err := kernels.Open("auto")
	require.NoError(t, err)
	fmt.Println("auto:", b.Name())
}

// No driver, a broken one, one that is too old, no GPU: no_device with the path that was tried, and "auto" takes the processor.
func TestDrivers(t *testing.T) {
	run := func(env ...string) string {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestDriver$", "-test.v")
		cmd.Env = append(os.Environ(), append(env, "REALEDIT_TEST_DRIVER=1")...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	broken := t.TempDir() + "/libcuda.so.1"
	require.NoError(t, os.WriteFile(broken, []byte("not a library"), 0o644))
	cases := map[string][]string{
		"/nowhere/libcuda.so.1": {"REALEDIT_CUDA_LIB=/nowhere/libcuda.so.1"},
		broken:                  {"REALEDIT_CUDA_LIB=" + broken},
	}
	if lib := os.Getenv("REALEDIT_CUDA_LIB"); lib != "" { // the emulated driver, which does as it is told
		cases["too old: 13.0 is needed"] = []string{"REALEDIT_EMU=driver=12080"}
		cases["cuInit answers error 100"] = []string{"REALEDIT_EMU=devices=0"}
	}
	for says, env := range cases {
		out := run(env...)
		require.Contains(t, out, "no device: true")
		require.Contains(t, out, says)
		require.Regexp(t, "auto: (cpu|ref)", out)
	}
}

// fails makes the emulated driver fail from now on as told.
func fails(t *testing.T, how string) {
	t.Helper()
	require.NoError(t, os.Setenv("REALEDIT_EMU", how))
	t.Cleanup(func() { os.Unsetenv("REALEDIT_EMU") })
}

// What the driver answers becomes an error of package kernels, and a lost device stays lost without further calls.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		how  string
		want error
		lost bool
	}{
		{"fail=cuMemAlloc@1:2,memory=100", kernels.ErrOutOfMemory, false},
		{"fail=cuLaunchKernel@1:719", kernels.ErrDeviceLost, true},
		{"fail=cuLaunchKernel@1:700", kernels.ErrDeviceLost, true},
		{"fail=cuMemcpyHtoDAsync@1:999", kernels.ErrDeviceLost, true},
		{"fail=cuStreamSynchronize@1:214", kernels.ErrDeviceLost, true},
	} {
		t.Run(c.how, func(t *testing.T) {
			b := gpu(t)
			if !emulated(b) {
				t.Skip("needs the emulated driver")
			}
			src := noise(t, 64, 48, 3, kernels.U8, 1)
			work := func() error {
				x, err := b.NewImage(64, 48, 3, kernels.U8)
				if err != nil {
					return err
				}
				defer x.Free()
				y, err := b.NewImage(64, 48, 3, kernels.U8)
				if err != nil {
					return err
				}
				defer y.Free()
				if err := b.Copy(ctx, x, src); err != nil {
					return err
				}
				if err := b.Ops().Convert(y, x); err != nil {
					return err
				}
				return b.Sync(ctx)
			}
			if strings.Contains(c.how, "HtoD") {
				work = func() error {
					return b.on(func() error { return b.put(0, []byte{1}) })
				}
				err := func() error { fails(t, c.how); return work() }()
				require.ErrorIs(t, err, c.want)
				return
			}
			fails(t, c.how)
			require.ErrorIs(t, work(), c.want)
			if c.lost {
				os.Unsetenv("REALEDIT_EMU") // well again, but nobody asks it any more
				require.ErrorIs(t, work(), kernels.ErrDeviceLost)
				b.lost.Store(nil)
			} else {
				os.Unsetenv("REALEDIT_EMU")
				require.NoError(t, work())
			}
		})
	}
}

// All GPUs of the host work at once, and pictures travel between them.
func TestAllGPUs(t *testing.T) {
	gpu(t)
	all, err := kernels.OpenAll("cuda:all")
	require.NoError(t, err)
	src := noise(t, 640, 480, 3, kernels.U8, 1)
	at := make([]*kernels.Image, len(all))
	var wg sync.WaitGroup
	for i, b := range all {
		wg.Go(func() {
			m, err := b.NewImage(640, 480, 3, kernels.U8)
			if err == nil {
				err = b.Ops().Convert(m, src)
			}
			if err != nil {
				t.Error(err)
			}
			at[i] = m
		})
	}
	wg.Wait()
	for i, b := range all { // round, each to the next
		next := (i + 1) % len(all)
		to, err := all[next].NewImage(640, 480, 3, kernels.U8)
		require.NoError(t, err)
		require.NoError(t, all[next].Copy(ctx, to, at[i]))
		back := noise(t, 640, 480, 3, kernels.U8, 2)
		require.NoError(t, all[next].Copy(ctx, back, to))
		requireSame(t, src, back)
		t.Logf("%s to %s", b.Name(), all[next].Name())
	}
	for _, b := range all {
		require.NoError(t, b.Close())
	}
}
