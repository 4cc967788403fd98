#ifndef RE_HISTOGRAM_H
#define RE_HISTOGRAM_H

#include "image.h"

typedef struct {
	re_image src, mask;  // mask.p is 0 where every pixel counts
	uint64_t counts;     // 64-bit, channel by channel
	uint64_t partial;    // of 16-bit samples: what each block counted
	int32_t units;       // of 8-bit samples: groups of 48 bytes of a row that are counted as words, 0 where rows are not aligned
	int32_t copies_log2; // of 8-bit samples: sets of bins of a block
	int32_t bins_log2;   // of 16-bit samples: values that one block counts
	int32_t blocks;      // of 16-bit samples: that share one channel's range of values
} re_histogram;

#endif
