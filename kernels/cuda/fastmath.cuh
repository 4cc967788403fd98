// The special function unit's logarithm, power and reciprocal, one instruction each; the emulator has exact ones. Subnormal arguments and
// results are 0. Errors as the PTX manual bounds them:
//
//	fast_log2: 2⁻²²·⁶ absolute for x in [½, 2], elsewhere 2⁻²² relative
//	fast_exp2: 2⁻²²·⁵ relative (2 ulp)
//	fast_reciprocal: 1 ulp
#ifndef RE_FASTMATH_CUH
#define RE_FASTMATH_CUH

#include "common.cuh"

#ifndef RE_EMU
RE_DEVICE float fast_log2(float x) {
	float y;
	asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}
RE_DEVICE float fast_exp2(float x) {
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}
RE_DEVICE float fast_reciprocal(float x) {
	float y;
	asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}
#else
RE_DEVICE float fast_log2(float x) { return log2f(x); }
RE_DEVICE float fast_exp2(float x) { return exp2f(x); }
RE_DEVICE float fast_reciprocal(float x) { return 1 / x; }
#endif

#endif
