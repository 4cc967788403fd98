#ifndef RE_SSIM_H
#define RE_SSIM_H

#include "image.h"

// A block: threads that walk down a strip of columns, one sample each. Of its pixels, REACH on either side only feed the others.
enum { RE_SSIM_THREADS = 320, RE_SSIM_SPAN = 8, RE_SSIM_REACH = 5 };

typedef struct {
	re_image a, b, m;       // m is the map, m.p 0 where none is wanted
	uint64_t sums;          // double, c of a block, blocks in the order of y, x
	int32_t rows;           // of a block, a multiple of 8
	int32_t x0, x1, y0, y1; // pixels that count
	float top, c1, c2;      // the stored value of 1.0, 2·C1 and 2·C2 in units of its square
	int32_t structure;      // leave the luminance term out
} re_ssim;

#endif
