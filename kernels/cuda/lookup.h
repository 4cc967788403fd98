#ifndef RE_LOOKUP_H
#define RE_LOOKUP_H

#include "stream.h"

typedef struct {
	re_stream s;
	uint64_t tables; // dst's samples for all values of src's, table after table
	int32_t count;   // one for all channels, or one for each
} re_lookup;

#endif
