// Package emu holds no Go: it is a libcuda.so.1 that runs the kernels of package cuda on the processor,
// so that kernels and the Go side are tested where there is no GPU, with a driver's failures on demand.
// make cuda-emu builds it; driver.cu says what it can be told.
package emu
