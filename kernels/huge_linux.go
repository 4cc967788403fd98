package kernels

import (
	"syscall"
	"unsafe"
)

// adviseHuge asks for huge pages under a large block. It is advice: failure changes nothing.
func adviseHuge(b []byte) {
	const huge, adviceHugePage = 2 << 20, 14
	if len(b) < 2*huge {
		return
	}
	start := (uintptr(unsafe.Pointer(&b[0])) + huge - 1) &^ (huge - 1)
	end := (uintptr(unsafe.Pointer(&b[0])) + uintptr(len(b))) &^ (huge - 1)
	if end > start {
		syscall.Syscall(syscall.SYS_MADVISE, start, end-start, adviceHugePage)
	}
}
