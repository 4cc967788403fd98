#ifndef RE_BOX_H
#define RE_BOX_H

#include "image.h"

typedef struct {
	re_image dst, src;   // of the first half of the guided filter dst holds a and b, which are src of the second
	re_image guide;      // of the guided filter
	double eps;
	int32_t rx, ry;      // radius, no more than the width and the height
	int32_t halo;        // rx up to a multiple of 4
	int32_t rows;        // of a strip
	int32_t vector;      // four pixels are one or two aligned accesses of 16 bytes in all three
	int32_t y0, y1;      // the rows of a band, and
	uint64_t planes;     // the sums of their columns, in double, plane by plane, where windows are wide
} re_box;

#endif
