#ifndef RE_WARP_H
#define RE_WARP_H

#include "image.h"

typedef struct {
	re_image dst, src, valid; // valid.p is 0 where none is wanted
	double h[9];
	int32_t across; // blocks over dst's width
	int32_t words, in_words; // dst's and src's rows start on multiples of four bytes
} re_warp;

// A map by whole pixels.
typedef struct {
	re_image dst, src, valid;
	int32_t x, y;   // src's pixel for dst's first
	int32_t px;     // bytes of a pixel
	int32_t across; // blocks over dst's width
	int32_t wide;   // rows of both start on multiples of 16 bytes
} re_warp_shift;

#endif
