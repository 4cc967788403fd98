package kernels

import (
	"bufio"
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// CheckCopy refuses images that Copy cannot copy: of other shape or format, or none. For backends.
func CheckCopy(dst, src *Image) error {
	if dst == nil || src == nil || dst.w != src.w || dst.h != src.h || dst.c != src.c || dst.f != src.f {
		return argErr("Copy", "src", "%v does not fit dst %v", src, dst)
	}
	return nil
}

// CopyHost copies pixels between two host images of equal shape and format.
func CopyHost(ctx context.Context, dst, src *Image) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckCopy(dst, src); err != nil {
		return err
	}
	if !dst.OnHost() || !src.OnHost() {
		return argErr("Copy", "src", "the pixels are not in host memory")
	}
	for y := 0; y < src.h; y++ {
		copy(dst.Row(y), src.Row(y))
	}
	return nil
}

// HostMemory tells whether a backend's images lie in host memory.
func HostMemory(b Backend) (bool, error) {
	probe, err := b.NewImage(1, 1, 1, U8)
	if errors.Is(err, ErrOutOfMemory) && !errors.Is(err, ErrHostMemory) {
		return false, nil // a device that is full
	}
	if err != nil {
		return false, err
	}
	defer probe.Free()
	return probe.OnHost(), nil
}

// ToHost is m, an image of b's, where the processor can read it: m itself on the host, else a copy in the Host pool.
// free gives the copy back; it is never nil.
func ToHost(ctx context.Context, b Backend, m *Image) (host *Image, free func(), err error) {
	if m.OnHost() {
		return m, func() {}, nil
	}
	if host, err = NewHostImage(nil, m.w, m.h, m.c, m.f); err != nil {
		return nil, func() {}, err
	}
	if err := b.Copy(ctx, host, m); err != nil {
		host.Free()
		return nil, func() {}, err
	}
	return host, host.Free, nil
}

// HostCaps are the processor's facts: its name, the threads Go may use, and the
// machine's memory where the system tells it (Linux), else 0.
func HostCaps() Caps {
	c := Caps{Device: runtime.GOARCH, Threads: runtime.GOMAXPROCS(0)}
	if n := procField("/proc/cpuinfo", "model name"); n != "" {
		c.Device = n
	}
	kib := func(key string) int64 {
		n, _ := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", key), " kB"), 10, 64)
		return n << 10
	}
	c.Total, c.Free = kib("MemTotal"), kib("MemAvailable")
	c.Used, c.Peak, _ = Host.Stats()
	return c
}

func procField(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
