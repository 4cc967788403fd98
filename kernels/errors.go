package kernels

import (
	"errors"
	"fmt"
)

// The errors every backend answers with, wrapped; test them with errors.Is.
var (
	// ErrUnsupported: the operation, format or backend is not available in this build or on this machine.
	ErrUnsupported = errors.New("not supported")
	// ErrNoCgo: a native backend was asked for in a build with CGO_ENABLED=0.
	ErrNoCgo = errors.New("built without cgo")
	// ErrNoDevice: no such device (no driver, no GPU, index out of range).
	ErrNoDevice = errors.New("no such device")
	// ErrDeviceLost: the device failed in mid-run; its images are gone.
	ErrDeviceLost = errors.New("device lost")
	// ErrOutOfMemory: an allocation would exceed the budget or the device's memory.
	ErrOutOfMemory = errors.New("out of memory")
	// ErrHostMemory is the ErrOutOfMemory of the host's own memory: no other backend has more of it.
	ErrHostMemory = fmt.Errorf("host: %w", ErrOutOfMemory)
	// ErrInvalid: an argument's size, format, channel count or range is wrong. It is wrapped by *ArgError.
	ErrInvalid = errors.New("invalid argument")
)

// ArgError says which argument of which operation is wrong, and why.
// It unwraps to ErrInvalid.
type ArgError struct {
	Op  string // the operation, as it is called in Ops
	Arg string // the argument or option field
	Msg string // what is wrong, with the value and the accepted range
}

func (e *ArgError) Error() string {
	return fmt.Sprintf("kernels: %s: %s: %s", e.Op, e.Arg, e.Msg)
}

// Unwrap returns ErrInvalid.
func (e *ArgError) Unwrap() error { return ErrInvalid }

// argErr builds an *ArgError with a formatted message.
func argErr(op, arg, format string, a ...any) error {
	return &ArgError{Op: op, Arg: arg, Msg: fmt.Sprintf(format, a...)}
}
