// Samples as they are stored: integers are not scaled to [0,1], so that sums of them are exact for longer.
#ifndef RE_RAW_CUH
#define RE_RAW_CUH

#include "common.cuh"

template <int F> RE_DEVICE float raw_get(typename sample<F>::type v) { return F == RE_F16 ? half_to_float((ushort)v) : (float)v; }

// The sample at p of any format.
RE_DEVICE float raw_load(int format, const void *p) {
	switch (format) {
	case RE_U8: return (float)__ldg((const uchar *)p);
	case RE_U16: return (float)__ldg((const ushort *)p);
	case RE_F16: return half_to_float(__ldg((const ushort *)p));
	}
	return __ldg((const float *)p);
}

// Integers round half up and are clamped; NaN is 0.
RE_DEVICE int raw_level(float v, float top) { return (int)fminf(fmaxf(v, 0.0f) + 0.5f, top); }

RE_DEVICE void raw_store(int format, void *row, int i, float v) {
	switch (format) {
	case RE_U8: ((uchar *)row)[i] = (uchar)raw_level(v, 255.0f); break;
	case RE_U16: ((ushort *)row)[i] = (ushort)raw_level(v, 65535.0f); break;
	case RE_F16: ((ushort *)row)[i] = float_to_half(v); break;
	default: ((float *)row)[i] = v;
	}
}

// Byte k of a word as a float, exactly, without the slow conversion: as part of 32768+v.
template <int K> RE_DEVICE float byte_to_float(unsigned word) {
	return __uint_as_float(__byte_perm(word, 0x47000000u, 0x7404 | K << 4)) - 32768.0f;
}

RE_DEVICE int bytes_of(int format) { return format == RE_U8 ? 1 : format == RE_F32 ? 4 : 2; }
RE_DEVICE int clamp_index(int i, int n) { return min(max(i, 0), n - 1); }

#endif
