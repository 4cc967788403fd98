#ifndef RE_DELTAE_H
#define RE_DELTAE_H

#include "image.h"

// Bins of the histogram: the upper bits of the float, sign left out, 2⁻⁹ relative width, up to 256; as many again as make 1024 equal parts.
enum { RE_DELTAE_SHIFT = 14, RE_DELTAE_BINS = 0x43800000 >> RE_DELTAE_SHIFT, RE_DELTAE_PART = (RE_DELTAE_BINS + 1023) / 1024 };

// A thread's pixels of a piece of a row, one every THREADS.
enum { RE_DELTAE_THREADS = 512, RE_DELTAE_PIXELS = 4 };

// What comes back. All starts at 0.
typedef struct {
	uint64_t sum;    // of the pixels that count, in units of 2⁻²², so that it does not depend on their order
	uint64_t n;      // how many they are
	double low, high; // the values next to the 95th percentile
	float max;
	int32_t rest; // of eight bytes
} re_deltae_stats;

typedef struct {
	re_image a, b, m, mask; // m and mask have p 0 where there are none
	uint64_t stats;         // re_deltae_stats and behind it the histogram, a uint64_t for each of 1024·PART bins
	uint32_t pieces, items; // of a row, of all
} re_deltae;

#endif
