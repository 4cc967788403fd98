//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package safetensors

import (
	"os"
	"syscall"
)

// share takes a lock that many may have, and waits for one who has it alone. It ends when the file is closed. A file system without locks has none.
func share(f *os.File) {
	for syscall.Flock(int(f.Fd()), syscall.LOCK_SH) == syscall.EINTR {
	}
}

// alone takes the lock if nobody has it; errBusy where somebody has.
func alone(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

const errBusy = syscall.EWOULDBLOCK
