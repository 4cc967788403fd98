#ifndef RE_CONVERT_H
#define RE_CONVERT_H

#include "image.h"

typedef struct {
	re_image dst, src;
	int32_t samples; // of a row: width times channels
} re_convert;

#endif
