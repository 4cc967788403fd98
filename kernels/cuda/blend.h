#ifndef RE_BLEND_H
#define RE_BLEND_H

#include "image.h"

typedef struct {
	re_image dst, a, b, mask;
	int32_t samples; // of a row: width times channels
	int32_t aligned; // whether all rows of dst, a and b start on multiples of 16 bytes
} re_blend;

#endif
