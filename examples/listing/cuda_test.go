//go:build cuda && cgo

package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/phototest"
	"github.com/realedit/realedit/kernels/cuda"
)

// someGPU skips the test where there is no GPU (REALEDIT_REQUIRE=cuda: it fails) and tells whether it is an emulated one.
func someGPU(t *testing.T) (emulated bool) {
	t.Helper()
	b, err := cuda.Open(0)
	phototest.Need(t, "cuda", err == nil)
	emulated = strings.HasPrefix(b.Caps().Device, "emulated")
	require.NoError(t, b.Close())
	return emulated
}

// emulatedGPU also skips it where the driver is a real one, which does not fail when told to.
func emulatedGPU(t *testing.T) {
	t.Helper()
	if !someGPU(t) {
		t.Skip("needs the emulated driver")
	}
}

// gpuProcess is the command as a process of its own, on a GPU that is as the environment says.
func gpuProcess(out, in string, env []string, more ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], append(quick(out, more...), in)...)
	c.Env = append(append(os.Environ(), "REALEDIT_LISTING_MAIN=1"), env...)
	return c
}

func onGPU(t *testing.T, out, in, env string, more ...string) run {
	t.Helper()
	c := gpuProcess(out, in, []string{env}, more...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	require.NoError(t, ignoreExit(c.Run()))
	return run{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// told is what the reports of a run say: by set, the backend that did it, its findings about backends, the pixels.
type told struct{ backend, findings, pixels string }

func reports(t *testing.T, out string) map[string]told {
	t.Helper()
	all := map[string]told{}
	for _, o := range readBatch(t, out).Sets {
		r := readReport(t, out, o.Name)
		s := told{r.Stages[0].Backend, "", r.Output.PixelsSHA256}
		for _, f := range r.Findings {
			if strings.HasPrefix(f.Check, "backend_") {
				s.findings += f.Check + ";"
			}
		}
		all[o.Name] = s
	}
	return all
}

// No driver, one that is too old, no GPU, kernels that cannot be read: with -backend cuda nothing runs, and the last line has the code and what was tried;
// -backend auto takes the processor.
func TestUnusableGPU(t *testing.T) {
	emulatedGPU(t)
	in := t.TempDir()
	put(t, in, 3)
	for env, want := range map[string]string{
		"REALEDIT_CUDA_LIB=/nowhere/libcuda.so.1":        "no_device: -backend cuda: .*/nowhere/libcuda.so.1",
		"REALEDIT_EMU=driver=12080":                      "no_device: -backend cuda: .*for CUDA 12.8, too old: .*driver 580 or newer",
		"REALEDIT_EMU=devices=0":                         "no_device: -backend cuda: ",
		"REALEDIT_EMU=fail=cuModuleLoadData@1:200":       "unsupported: -backend cuda: .*load kernels",
		"REALEDIT_EMU=fail=cuModuleLoadData@1:209":       "unsupported: -backend cuda: .*load kernels",
		"REALEDIT_EMU=fail=cuDevicePrimaryCtxRetain@1:2": "out_of_memory: -backend cuda: ",
	} {
		out := t.TempDir()
		r := onGPU(t, out, in, env, "-backend", "cuda")
		require.Equal(t, exitFailed, r.code, "%s: %s", env, r.stderr)
		require.Regexp(t, "(?m)^listing: "+want, r.stderr)
		require.Empty(t, contents(t, out))
		r = onGPU(t, out, in, env, "-backend", "auto", "-q")
		require.Equal(t, exitDone, r.code, "%s: %s", env, r.stderr)
		require.Empty(t, r.stderr)
		require.Equal(t, "cpu", readBatch(t, out).Options["backend"])
	}
}

// A GPU that is lost in mid-run costs no picture: what it had is done by the processor or the other GPU, reports say so, the exit code is that of the sets.
func TestGPULostInARun(t *testing.T) {
	emulatedGPU(t)
	in, host, gpu := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 2, 3)
	require.Equal(t, exitDone, onGPU(t, host, in, "", "-backend", "cpu").code)
	require.Equal(t, exitDone, onGPU(t, gpu, in, "", "-backend", "cuda").code)
	cpu, cuda := reports(t, host), reports(t, gpu)
	for _, c := range []struct{ emu, backends, others string }{
		{"fail=cuLaunchKernel@60:719", "cuda", "cpu"},
		{"fail=cuLaunchKernel@1:719", "cuda", "cpu"},
		{"fail=cuMemcpy2DAsync@5:999", "cuda", "cpu"},
		{"devices=2,fail=0/cuLaunchKernel@30:719", "cuda:all", "cuda:1"},
		{"devices=2,fail=1/cuLaunchKernel@1:700", "cuda:0,1", "cuda:0"},
		{"devices=2,fail=0/cuLaunchKernel@30:719,fail=1/cuLaunchKernel@40:719", "cuda:all", "cpu"},
	} {
		out := t.TempDir()
		r := onGPU(t, out, in, "REALEDIT_EMU="+c.emu, "-backend", c.backends)
		require.Equal(t, exitDone, r.code, "%s: %s", c.emu, r.stderr)
		s := readBatch(t, out)
		require.Equal(t, 4, s.Counts.Finished, c.emu)
		require.Zero(t, s.Counts.Quarantined, c.emu)
		lost, elsewhere := 0, 0
		for name, s := range reports(t, out) {
			want := cuda[name]
			if s.backend == "cpu" {
				want = cpu[name]
			}
			require.Equal(t, want.pixels, s.pixels, "%s: %s", c.emu, name)
			if strings.Contains(s.findings, "backend_lost") {
				lost++
			}
			if s.backend == c.others {
				elsewhere++
			}
		}
		require.Positive(t, lost, c.emu)
		require.Positive(t, elsewhere, c.emu)
		// The next run finds all of it finished.
		require.Equal(t, exitDone, onGPU(t, out, in, "REALEDIT_EMU=devices=2", "-backend", c.backends).code)
		require.Equal(t, 4, readBatch(t, out).Counts.Resumed, c.emu)
	}
}

// -backend cuda:all spreads the sets over all GPUs, with the pictures of one.
func TestSetsAreSpreadOverGPUs(t *testing.T) {
	emulatedGPU(t)
	in, one, all := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 2, 3)
	require.Equal(t, exitDone, onGPU(t, one, in, "", "-backend", "cuda").code)
	r := onGPU(t, all, in, "REALEDIT_EMU=devices=2", "-backend", "cuda:all")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, "cuda:0,cuda:1", readBatch(t, all).Options["backend"])
	used, want := map[string]bool{}, reports(t, one)
	for name, s := range reports(t, all) {
		used[s.backend] = true
		require.Equal(t, want[name].pixels, s.pixels)
		require.Empty(t, s.findings)
	}
	require.Len(t, used, 2)
	r = onGPU(t, t.TempDir(), in, "REALEDIT_EMU=devices=2", "-backend", "cuda:2")
	require.Equal(t, exitFailed, r.code)
	require.Regexp(t, "^listing: no_device: -backend cuda:2: .*there is no GPU 2", r.stderr)
}

// Too little device memory, from the start or in mid-run: the processor does the sets, reports say so.
func TestTooLittleGPUMemory(t *testing.T) {
	emulatedGPU(t)
	in, host := t.TempDir(), t.TempDir()
	put(t, in, 0, 3)
	require.Equal(t, exitDone, onGPU(t, host, in, "", "-backend", "cpu").code)
	for _, c := range []struct {
		emu, limit, finding string
	}{
		{"", "100KiB", "backend_too_small"},
		{"memory=100000", "0", "backend_too_small"},
		{"memory=100000", "6GB", "backend_too_small"},
		{"fail=cuMemAlloc@2+:2", "0", "backend_out_of_memory"},
		{"fail=cuMemAlloc@12+:2", "4GiB", "backend_out_of_memory"},
	} {
		out := t.TempDir()
		r := onGPU(t, out, in, "REALEDIT_EMU="+c.emu, "-backend", "cuda", "-gpu-memory", c.limit)
		require.Equal(t, exitDone, r.code, "%+v: %s", c, r.stderr)
		found := 0
		for name, s := range reports(t, out) {
			if strings.Contains(s.findings, c.finding) {
				found++
				require.Equal(t, "cpu", s.backend, "%+v", c)
				require.Equal(t, reports(t, host)[name].pixels, s.pixels, "%+v", c)
			}
		}
		require.Positive(t, found, "%+v", c)
	}
}

// Ctrl-C in mid-run ends with its code and nothing half-written; a kill leaves no more behind; the next run goes on to the bytes of an undisturbed one.
func TestStoppedOnAGPU(t *testing.T) {
	someGPU(t)
	in, whole := t.TempDir(), t.TempDir()
	put(t, in, 0, 1, 2, 3)
	start := time.Now()
	require.Equal(t, exitDone, onGPU(t, whole, in, "", "-backend", "cuda").code)
	took, want := time.Since(start), contents(t, whole)
	for i, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGKILL} {
		out := t.TempDir()
		c := gpuProcess(out, in, nil, "-backend", "cuda")
		var stderr strings.Builder
		c.Stderr = &stderr
		require.NoError(t, c.Start())
		time.Sleep(took * time.Duration(i+1) / 4)
		require.NoError(t, ignoreDone(c.Process.Signal(sig)))
		err := c.Wait()
		if sig == syscall.SIGTERM {
			if err != nil { // else it was faster than we
				require.Equal(t, exitFailed, c.ProcessState.ExitCode(), stderr.String())
				require.Contains(t, stderr.String(), "listing: cancelled")
			}
			noTemporaries(t, out)
		}
		r := onGPU(t, out, in, "", "-backend", "cuda")
		require.Equal(t, exitDone, r.code, r.stderr)
		require.Equal(t, want, contents(t, out))
		noTemporaries(t, out)
	}
}
