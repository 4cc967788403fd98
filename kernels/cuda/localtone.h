#ifndef RE_LOCALTONE_H
#define RE_LOCALTONE_H

#include "image.h"

// Rows of the picture that a block does.
enum { RE_TONE_ROWS = 32 };

// A map that spans the picture; the zero one for none. The steps are how far a pixel takes one in it, in 2⁻⁴⁰ of its samples.
typedef struct {
	re_image m;
	int64_t across, down;
} re_tone_map;

typedef struct {
	re_image dst, src;
	re_tone_map base, gain, tint;
	uint64_t curve, share;   // segments: (start, rise), and (r, b, rise of r, rise of b)
	int32_t curves, shares;  // how many segments; 0 for none
	float matrix[9], detail, limit, shoulder;
} re_localtone;

#endif
