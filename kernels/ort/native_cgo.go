//go:build cgo && !windows

package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// The two entries of OrtApiBase, which every version has.
struct base {
	const void *(*get_api)(uint32_t);
	const char *(*version)(void);
};

// probe opens a library and gives its version: 0, or what is wrong: 1 it cannot be opened (dlerror says why), 2 it is no ONNX Runtime.
// The handle is for close_library; one that is used stays open.
static int probe(const char *path, void **handle, const char **version) {
	*handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!*handle) return 1;
	const struct base *(*get)(void) = (const struct base *(*)(void))dlsym(*handle, "OrtGetApiBase");
	const struct base *b = get ? get() : 0;
	if (!b || !b->version || !(*version = b->version())) return 2;
	return 0;
}

static void close_library(void *h) { dlclose(h); }
static const char *last_error(void) { const char *e = dlerror(); return e ? e : "unknown error"; }

// glibc keeps what is freed between blocks that are not: after a run of a network of 176 MB of weights 550 MB stay, with this 200.
static void trim(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static int open_global(const char *path) { return dlopen(path, RTLD_NOW | RTLD_GLOBAL) != 0; }
*/
import "C"

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/realedit/realedit/kernels"
	lib "github.com/yalue/onnxruntime_go"
)

// errNative is why nothing here can run: in this build it can.
var errNative error

// openLibrary opens the library at an absolute path and makes the environment, which lasts as long as the process: ending it would unload code that
// threads may still be in. The version is asked for first, since an old library answers a question it does not know on standard error.
func openLibrary(path string) (version string, err error) {
	c := C.CString(path)
	defer C.free(unsafe.Pointer(c))
	runtime.LockOSThread() // dlerror is the thread's
	defer runtime.UnlockOSThread()
	var handle unsafe.Pointer
	var v *C.char
	switch C.probe(c, &handle, &v) {
	case 1:
		return "", errors.New(C.GoString(C.last_error()))
	case 2:
		C.close_library(handle)
		return "", errors.New("it is no ONNX Runtime")
	}
	version = C.GoString(v)
	if compareVersions(version, MinVersion) < 0 {
		C.close_library(handle)
		return "", fmt.Errorf("it is version %s, and %s or newer is needed", version, MinVersion)
	}
	lib.SetSharedLibraryPath(path)
	if err := lib.InitializeEnvironment(lib.WithLogLevelFatal()); err != nil { // errors come back as values
		C.close_library(handle)
		return "", fmt.Errorf("version %s: %w", version, err)
	}
	return version, nil
}

// cudaLibraries are what the CUDA provider is linked to or opens by name later, in the order in which they need each other.
var cudaLibraries = []string{"libcublasLt.so", "libcublas.so", "libnvrtc.so", "libcurand.so", "libcufft.so", "libcudart.so", "libcudnn.so"}

var preloaded struct {
	sync.Mutex
	done map[string]bool
}

// preload opens the CUDA libraries in folders, so that the provider finds them by name: it has no search path of its own, and LD_LIBRARY_PATH is read when a process starts.
// It returns what is missing, for the text of an error; the system's own search may still find that.
func preload(folders []string) (missing string) {
	if len(folders) == 0 {
		folders = filepath.SplitList(os.Getenv("REALEDIT_ORT_CUDA"))
	}
	path, _ := Library()
	folders = append(slices.Clone(folders), filepath.Dir(path))
	if d := DataFolder(); d != "" {
		folders = append(folders, filepath.Join(d, "ort"))
	}
	preloaded.Lock()
	defer preloaded.Unlock()
	var none []string
	for _, name := range cudaLibraries {
		if !preloaded.done[name] && !openFirst(folders, name) {
			none = append(none, name)
			continue
		}
		if preloaded.done == nil {
			preloaded.done = map[string]bool{}
		}
		preloaded.done[name] = true
	}
	return strings.Join(none, ", ")
}

func openFirst(folders []string, name string) bool {
	for _, dir := range folders {
		for _, under := range []string{"", "*/lib", "nvidia/*/lib"} {
			found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), under, name+"*"))
			slices.SortFunc(found, func(a, b string) int { return -compareVersions(filepath.Base(a), filepath.Base(b)) })
			for _, f := range found {
				abs, err := filepath.Abs(f)
				if err != nil {
					continue
				}
				c := C.CString(abs)
				ok := C.open_global(c) != 0
				C.free(unsafe.Pointer(c))
				if ok {
					return true
				}
			}
		}
	}
	return false
}

// native is a session of the library.
type native struct {
	s        *lib.DynamicAdvancedSession
	provider string
	large    bool // worth giving memory back to the system after each run
}

// newNative makes a session. Errors wrap kernels.ErrNoDevice where the provider is not there, kernels.ErrOutOfMemory, else ErrBadModel.
func newNative(m *Model, in, out []string, p Provider, o *Options, bytes int64) (*native, error) {
	so, err := lib.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer so.Destroy()
	threads := cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
	err = errors.Join(
		so.SetIntraOpNumThreads(threads),
		so.SetInterOpNumThreads(1),
		so.SetExecutionMode(lib.ExecutionModeSequential),
		so.SetLogSeverityLevel(lib.LoggingLevelFatal),
		so.AddSessionConfigEntry("session.force_spinning_stop", "1"), // threads spin within a run, not after it
	)
	if p.Name == "cpu" {
		err = errors.Join(err, so.SetCpuMemArena(false)) // an idle session holds its weights only
	} else {
		err = errors.Join(err, so.AddSessionConfigEntry("session.use_device_allocator_for_initializers", "1")) // weights outside the arena, which is never made smaller
	}
	if m.Folder != "" {
		err = errors.Join(err, so.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", m.Folder))
	}
	for k, v := range m.Config {
		err = errors.Join(err, so.AddSessionConfigEntry(k, v))
	}
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	if err := appendProvider(so, p, o); err != nil {
		return nil, err
	}
	var s *lib.DynamicAdvancedSession
	if m.Data != nil {
		s, err = lib.NewDynamicAdvancedSessionWithONNXData(m.Data, in, out, so)
		runtime.KeepAlive(m.Data)
	} else {
		s, err = lib.NewDynamicAdvancedSession(m.Path, in, out, so)
	}
	if err != nil {
		return nil, classify(err, p.Name)
	}
	return &native{s, p.Name, bytes > 16<<20}, nil
}

func appendProvider(so *lib.SessionOptions, p Provider, o *Options) error {
	if p.Name == "cpu" {
		return nil
	}
	missing := preload(o.CUDA)
	err := func() error {
		if p.Name == "tensorrt" {
			t, err := lib.NewTensorRTProviderOptions()
			if err != nil {
				return err
			}
			defer t.Destroy()
			if err := t.Update(p.settings(o.Budget.Device)); err != nil {
				return err
			}
			if err := so.AppendExecutionProviderTensorRT(t); err != nil {
				return err
			}
			p = Provider{Name: "cuda", Device: p.Device} // for what TensorRT leaves
		}
		c, err := lib.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer c.Destroy()
		if err := c.Update(p.settings(o.Budget.Device)); err != nil {
			return err
		}
		return so.AppendExecutionProviderCUDA(c)
	}()
	if err == nil {
		return nil
	}
	err = plain(err)
	if missing != "" && !strings.Contains(err.Error(), "not enabled in this build") {
		return fmt.Errorf("%w (not found in the folders for CUDA libraries: %s): %w", err, missing, kernels.ErrNoDevice)
	}
	return fmt.Errorf("%w: %w", err, kernels.ErrNoDevice)
}

// plain is an error's text without the library's source files and numbers.
func plain(err error) error {
	text := err.Error()
	if i := strings.LastIndex(text, "[ONNXRuntimeError] : "); i >= 0 {
		if parts := strings.SplitN(text[i:], " : ", 4); len(parts) == 4 {
			return errors.New(parts[3])
		}
	}
	return err
}

// classify gives an error of the library, which is text alone, its kind.
func classify(err error, provider string) error {
	text := strings.ToLower(err.Error())
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	gpu := provider != "cpu"
	err = plain(err)
	switch {
	case has("out of memory", "failed to allocate memory", "bad_alloc", "bad allocation", "available memory of"):
		if gpu {
			return fmt.Errorf("%w: %w", err, kernels.ErrOutOfMemory)
		}
		return fmt.Errorf("%w: %w", err, kernels.ErrHostMemory)
	case gpu && has("no cuda-capable device", "driver version is insufficient", "invalid device ordinal", "cuda failure 100:", "cuda failure 35:", "cuda failure 101:"):
		return fmt.Errorf("%w: %w", err, kernels.ErrNoDevice)
	case gpu && has("cuda failure", "cuda error", "cublas failure", "cudnn failure") && has("illegal", "launch failure", "unrecoverable", "ecc", "device unavailable", "hardware"):
		return fmt.Errorf("%w: %w", err, kernels.ErrDeviceLost)
	}
	return fmt.Errorf("%w: %w", ErrBadModel, err)
}

func (n *native) destroy() {
	n.s.Destroy()
	C.trim()
}

// run runs the session. Tensors lie in Go memory that is pinned, and so kept, until the library is done with it. Outputs without a tensor get one.
func (n *native) run(ctx context.Context, ins, outs []*Tensor) error {
	var pins runtime.Pinner
	defer pins.Unpin()
	var made []lib.Value
	defer func() {
		for _, v := range made {
			if v != nil {
				v.Destroy()
			}
		}
	}()
	wrap := func(t *Tensor) (lib.Value, error) {
		v, err := newValue(t, &pins)
		if err == nil {
			made = append(made, v)
		}
		return v, err
	}
	in, out := make([]lib.Value, len(ins)), make([]lib.Value, len(outs))
	var err error
	for i, t := range ins {
		if in[i], err = wrap(t); err != nil {
			return err
		}
	}
	for i, t := range outs {
		if t != nil {
			if out[i], err = wrap(t); err != nil {
				return err
			}
		}
	}
	ro, err := lib.NewRunOptions()
	if err != nil {
		return err
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		ro.Terminate()
		close(told)
	})
	err = n.s.RunWithOptions(in, out, ro)
	if !stop() {
		<-told // what tells the library to stop must not outlive the options
	}
	ro.Destroy()
	if n.provider == "cpu" && n.large {
		C.trim()
	}
	for i, t := range outs {
		if t == nil && out[i] != nil {
			made = append(made, out[i])
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return classify(err, n.provider)
	}
	for i, t := range outs {
		switch {
		case t == nil:
			if outs[i], err = goTensor(out[i]); err != nil {
				return err
			}
		case len(t.Shape) == 0:
			scalarInto(t, out[i])
		}
	}
	return nil
}

// newValue is a tensor over Go memory, which it pins; a scalar is a copy.
func newValue(t *Tensor, pins *runtime.Pinner) (lib.Value, error) {
	if len(t.Shape) == 0 {
		switch d := t.Data.(type) {
		case []float32:
			return lib.NewScalar(d[0])
		case []int64:
			return lib.NewScalar(d[0])
		case []int32:
			return lib.NewScalar(d[0])
		case []uint8:
			return lib.NewScalar(d[0])
		}
		return nil, fmt.Errorf("a scalar %T: %w", t.Data, kernels.ErrUnsupported)
	}
	b := raw(t.Data)
	pins.Pin(&b[0])
	typ, _, _ := typeOf(t.Data)
	return lib.NewCustomDataTensor(lib.NewShape(t.Shape...), b, lib.TensorElementDataType(typ))
}

// goTensor takes what the library allocated; it is a copy in Go memory already.
func goTensor(v lib.Value) (*Tensor, error) {
	shape := []int64(v.GetShape().Clone())
	switch t := v.(type) {
	case *lib.Tensor[float32]:
		return &Tensor{shape, t.GetData()}, nil
	case *lib.Tensor[int64]:
		return &Tensor{shape, t.GetData()}, nil
	case *lib.Tensor[int32]:
		return &Tensor{shape, t.GetData()}, nil
	case *lib.Tensor[uint8]:
		return &Tensor{shape, t.GetData()}, nil
	}
	return nil, fmt.Errorf("%w: an output is a %T", ErrBadModel, v)
}

func scalarInto(t *Tensor, v lib.Value) {
	switch s := v.(type) {
	case *lib.Scalar[float32]:
		t.Data = []float32{s.GetData()}
	case *lib.Scalar[int64]:
		t.Data = []int64{s.GetData()}
	case *lib.Scalar[int32]:
		t.Data = []int32{s.GetData()}
	case *lib.Scalar[uint8]:
		t.Data = []uint8{s.GetData()}
	}
}
