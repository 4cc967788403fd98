//go:build cuda && cgo

#include "driver.h"

#include <cuda.h>

int re_launch(void *fn, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream, void *args, size_t n) {
	void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, args, CU_LAUNCH_PARAM_BUFFER_SIZE, &n, CU_LAUNCH_PARAM_END};
	return cuLaunchKernel(fn, gx, gy, gz, bx, by, bz, shared, stream, NULL, extra);
}

int re_allow_shared(void *fn, int bytes) { return cuFuncSetAttribute(fn, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes); }

int re_copy(int direction, uintptr_t dst, size_t dst_pitch, uintptr_t src, size_t src_pitch, size_t width, size_t height, void *stream) {
	if (height == 1)
		return direction == RE_UP     ? cuMemcpyHtoDAsync(dst, (const void *)src, width, stream)
		       : direction == RE_DOWN ? cuMemcpyDtoHAsync((void *)dst, src, width, stream)
		                              : cuMemcpyDtoDAsync(dst, src, width, stream);
	CUDA_MEMCPY2D c = {.srcPitch = src_pitch, .dstPitch = dst_pitch, .WidthInBytes = width, .Height = height};
	if (direction == RE_UP) {
		c.srcMemoryType = CU_MEMORYTYPE_HOST;
		c.srcHost = (const void *)src;
	} else {
		c.srcMemoryType = CU_MEMORYTYPE_DEVICE;
		c.srcDevice = src;
	}
	if (direction == RE_DOWN) {
		c.dstMemoryType = CU_MEMORYTYPE_HOST;
		c.dstHost = (void *)dst;
	} else {
		c.dstMemoryType = CU_MEMORYTYPE_DEVICE;
		c.dstDevice = dst;
	}
	return cuMemcpy2DAsync(&c, stream);
}

int re_pinned(void **p, size_t bytes) { return cuMemHostAlloc(p, bytes, CU_MEMHOSTALLOC_PORTABLE); }

const char *re_error_name(int code) {
	const char *name = NULL;
	return cuGetErrorName(code, &name) == CUDA_SUCCESS && name ? name : "";
}

__attribute__((weak)) const char *re_cuda_library(void);

const char *re_library(void) { return re_cuda_library ? re_cuda_library() : ""; }
