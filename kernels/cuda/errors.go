//go:build cuda && cgo

package cuda

// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/realedit/realedit/kernels"
)

// Error is what the driver answered. It unwraps to one of the errors of package kernels.
type Error struct {
	Call string // what was being done
	Code int    // CUresult
	Name string // its name, "CUDA_ERROR_OUT_OF_MEMORY"
	kind error
}

func (e *Error) Error() string {
	return fmt.Sprintf("cuda: %s: %s (%d): %v", e.Call, e.Name, e.Code, e.kind)
}

// Unwrap returns the error of package kernels that it is a case of.
func (e *Error) Unwrap() error { return e.kind }

// failed makes an *Error of what gorgonia.org/cu answers, nil of nil.
func failed(call string, err error) error {
	if err == nil {
		return nil
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Int {
		return status(call, int(v.Int()))
	}
	return fmt.Errorf("cuda: %s: %w", call, err)
}

// status makes an *Error of a CUresult, nil of success.
func status(call string, code int) error {
	if code == 0 {
		return nil
	}
	name := C.GoString(C.re_error_name(C.int(code)))
	if name == "" {
		name = "error"
	}
	return &Error{call, code, name, kindOf(code)}
}

// kindOf sorts the driver's errors. Most from 700 on, uncorrectable memory errors and unknown ones leave
// the context unusable: the device is lost to this process.
func kindOf(code int) error {
	switch code {
	case 2: // out of memory
		return kernels.ErrOutOfMemory
	case 3, 34, 35, 36, 46, 100, 101, 803, 804: // not initialised, stub, driver too old, unavailable, no or no such device, mismatch
		return kernels.ErrNoDevice
	case 200, 209, 218, 221, 222, 223, 500, 701, 801: // no kernels for this GPU, unreadable ones, too large a block for it, not supported
		return kernels.ErrUnsupported
	case 1, 400:
		return kernels.ErrInvalid
	}
	return kernels.ErrDeviceLost
}

// isLost tells whether the context is unusable from this error on.
func isLost(err error) bool { return errors.Is(err, kernels.ErrDeviceLost) }
