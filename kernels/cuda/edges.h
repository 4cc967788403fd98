#ifndef RE_EDGES_H
#define RE_EDGES_H

#include "image.h"

typedef struct {
	re_image dst, src;
	double least;   // squared Sobel sum that an edge has, in units of the format
	int64_t whole;  // the same for integers: rounded up
	int32_t vector; // groups of four pixels are aligned, in dst and in src
} re_edges;

#endif
