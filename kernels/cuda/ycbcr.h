#ifndef RE_YCBCR_H
#define RE_YCBCR_H

#include "image.h"

typedef struct {
	re_image dst, y, cb, cr;
	int32_t aligned; // whether all rows start on multiples of 16 bytes
} re_ycbcr;

#endif
