#ifndef RE_CURVE_H
#define RE_CURVE_H

#include "stream.h"

// Tables of floats, one after the other: table k has entries start[k] up to start[k+1].
typedef struct {
	uint64_t p;
	int32_t count, start[5];
} re_curves;

typedef struct {
	re_stream s;
	re_curves curves;
	int32_t shared; // whether the block has room for the tables
} re_curve;

// All values of a source's samples through the curves: tables of samples of dst's format.
typedef struct {
	re_curves curves;
	uint64_t out;
	int32_t src, dst; // formats
} re_curve_values;

#endif
