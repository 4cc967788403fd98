#ifndef RE_COLORMATRIX_H
#define RE_COLORMATRIX_H

#include "stream.h"

typedef struct {
	re_stream s;
	float m[12]; // from stored samples to stored samples
} re_colormatrix;

#endif
