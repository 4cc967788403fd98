// What the operations on neighbourhoods share.
#ifndef RE_FILTERS_CUH
#define RE_FILTERS_CUH

#include "common.cuh"

namespace filters {

// Folds i into [0,n) about the edge samples' centres.
RE_DEVICE int reflect(int i, int n) {
	if ((unsigned)i < (unsigned)n) return i;
	if (n == 1) return 0;
	const int p = 2 * (n - 1);
	i %= p;
	if (i < 0) i += p;
	return i < p - i ? i : p - i;
}

} // namespace filters

#endif
