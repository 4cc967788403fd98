// The driver calls that gorgonia.org/cu lacks or makes one argument at a time.
#ifndef RE_DRIVER_H
#define RE_DRIVER_H

#include <stddef.h>
#include <stdint.h>

// re_launch starts a kernel whose only argument is the struct of n bytes at args.
int re_launch(void *fn, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream, void *args, size_t n);

// re_allow_shared lets a kernel have that many bytes of dynamic shared memory.
int re_allow_shared(void *fn, int bytes);

// re_copy copies height rows of width bytes; a direction is host to device, device to host, device to device.
enum { RE_UP, RE_DOWN, RE_ACROSS };
int re_copy(int direction, uintptr_t dst, size_t dst_pitch, uintptr_t src, size_t src_pitch, size_t width, size_t height, void *stream);

// re_pinned allocates page-locked host memory.
int re_pinned(void **p, size_t bytes);

// re_error_name is the driver's name of an error, "" where it has none.
const char *re_error_name(int code);

// re_library tells which driver library was tried and what came of it, "" when the program is linked against another libcuda.
const char *re_library(void);

#endif
