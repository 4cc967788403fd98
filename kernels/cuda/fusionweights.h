#ifndef RE_FUSIONWEIGHTS_H
#define RE_FUSIONWEIGHTS_H

#include "image.h"

// Exponents of the three measures; power is the factor of Σ(v−½)² in the exponent of 2: −exposedness·log2(e)/(2·0.2²).
typedef struct {
	float contrast, saturation, power;
	int32_t general; // whether contrast or saturation is not 1
} re_weighing;

// The weight of one photo, or where inverse is set 1/Σ of the weights of n photos. photos is a table of re_image.
typedef struct {
	re_weighing q;
	uint64_t photos;
	re_image dst; // F32, 1 channel
	int32_t n, across; // strips side by side
	int32_t aligned, inverse; // aligned: rows of photos and dst begin on multiples of two samples, of bytes of four
} re_fusion_weights;

// Columns of dst that a block makes, and rows.
enum { RE_WEIGHTS_WIDE = 60, RE_WEIGHTS_HIGH = 24 };

#endif
