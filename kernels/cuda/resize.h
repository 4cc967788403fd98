#ifndef RE_RESIZE_H
#define RE_RESIZE_H

#include "image.h"

// What one sample of dst is made of in one direction: samples first … first+n−1 of src; the first one's
// weight, the last one's, and (re_resize) that of those between.
typedef struct __attribute__((aligned(16))) { int32_t first, n; float head, tail; } re_taps;

// Fills the taps of both directions.
typedef struct {
	uint64_t x, y; // re_taps, for each column and row of dst
	int32_t sw, sh, dw, dh;
} re_resize_taps;

typedef struct {
	re_image dst, src;
	uint64_t x, y;
	float mid_x, mid_y; // weight of samples between first and last
	float scale;        // dst's maximum over src's
	int32_t columns;    // of dst, that a block makes
	int32_t rows;       // of dst, that a block makes
	int32_t across;     // blocks over dst's width
	int32_t wide;       // src's rows start on multiples of 16 bytes
	int32_t inverse;    // 2¹⁶/channels, rounded up: for dividing numbers below 2¹⁵
} re_resize;

#endif
