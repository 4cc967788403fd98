package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/realedit/realedit/kernels"

	"github.com/realedit/realedit/internal/procmem"
)

// timed repeats f: the first call is not counted when it is short, and a long one is repeated three times.
func timed(row, name string, reps int, f func() error) (measurement, error) {
	m := measurement{Row: row, Side: "ours", Name: name}
	debug.FreeOSMemory()
	resetPeak()
	base := statusMB("VmRSS")
	inUse, _, _ := kernels.Host.Stats()
	start := time.Now()
	if err := f(); err != nil {
		return m, err
	}
	if time.Since(start) > 2*time.Second {
		reps = 3
	}
	for range reps {
		runtime.GC()
		cpu, start := cpuSeconds(), time.Now()
		if err := f(); err != nil {
			return m, err
		}
		s := time.Since(start).Seconds()
		if len(m.All) == 0 || s < slices.Min(m.All) {
			m.CPU = cpuSeconds() - cpu
		}
		m.All = append(m.All, s)
	}
	_, peak, _ := kernels.Host.Stats()
	m.Pool = float64(peak-inUse) / 1e6
	m.summarise()
	m.Extra = statusMB("VmHWM") - base
	return m, nil
}

func (m *measurement) summarise() {
	sorted := slices.Sorted(slices.Values(m.All))
	m.Min, m.Median = sorted[0], sorted[len(sorted)/2]
}

func cpuSeconds() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// statusMB is a field of /proc/self/status in 10⁶ bytes; 0 where there is no such file.
func statusMB(key string) float64 { return float64(procmem.Bytes(key)) / 1e6 }

// resetPeak makes VmHWM start again from what is resident now (Linux).
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
