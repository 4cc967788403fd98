#ifndef RE_MATCHHISTOGRAM_H
#define RE_MATCHHISTOGRAM_H

#include "image.h"

typedef struct {
	re_image dst, src;
	uint64_t counts;   // 64-bit, src's and then ref's, channel by channel; then how many up to each value
	uint64_t tables;   // of dst's samples, channel by channel
	int32_t channels, bins;
	int32_t vector;    // rows of dst and src are aligned to 16 bytes
} re_match;

#endif
