#ifndef RE_GRADIENT_H
#define RE_GRADIENT_H

#include "image.h"

typedef struct {
	re_image dst, src;
	int32_t vector; // dst's pairs of pixels lie on 16 bytes, src's on two samples
} re_gradient;

#endif
