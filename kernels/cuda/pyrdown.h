#ifndef RE_PYRDOWN_H
#define RE_PYRDOWN_H

#include "image.h"

typedef struct {
	re_image dst, src;
	int32_t columns; // of dst, that a block makes
	int32_t rows;    // of dst, that a block makes
	int32_t across;  // blocks over dst's width
	int32_t wide;    // src's rows start on multiples of four samples
} re_pyrdown;

#endif
