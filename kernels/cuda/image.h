// What kernels get of an image; shared by the Go side, the device code and the emulator.
#ifndef RE_IMAGE_H
#define RE_IMAGE_H

#include <stdint.h>

// Samples, as kernels.Format numbers them.
enum { RE_U8, RE_U16, RE_F16, RE_F32 };

// A window of pixels in device memory: p is the address of pixel (0,0), stride the bytes from a row to the next.
// Rows start on multiples of the sample's size only, for windows start anywhere.
typedef struct {
	uint64_t p;
	int64_t stride;
	int32_t w, h, c, format;
} re_image;

#endif
