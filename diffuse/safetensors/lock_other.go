//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package safetensors

import (
	"errors"
	"os"
)

// share does nothing: this system has no lock that ends with the process.
func share(*os.File) {}

// alone cannot tell whether nobody has the file.
func alone(*os.File) error { return errors.ErrUnsupported }

var errBusy = errors.New("somebody has it")
