// The special function unit's approximations, for values that are neither subnormal nor beyond the range: 16 a
// clock and multiprocessor, without the instructions around them that care for the rest. Errors are those of the PTX manual.
#ifndef RE_APPROX_CUH
#define RE_APPROX_CUH

#include "common.cuh"

#ifndef RE_EMU
#define RE_APPROX(name, instruction)                          \
	RE_DEVICE float name(float x) {                           \
		float y;                                              \
		asm(instruction ".approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); \
		return y;                                             \
	}
#else
#define RE_APPROX(name, instruction) static float name(float x) { return emu_##name(x); }
static float emu_approx_rcp(float x) { return 1 / x; }
static float emu_approx_rsqrt(float x) { return 1 / sqrtf(x); }
static float emu_approx_sqrt(float x) { return sqrtf(x); }
static float emu_approx_log2(float x) { return log2f(x); }
static float emu_approx_exp2(float x) { return exp2f(x); }
static float emu_approx_sin(float x) { return sinf(x); }
#endif

RE_APPROX(approx_rcp, "rcp")     // relative error 2⁻²³
RE_APPROX(approx_rsqrt, "rsqrt") // relative error 2⁻²²·⁴
RE_APPROX(approx_sqrt, "sqrt")   // relative error 2⁻²³
RE_APPROX(approx_log2, "lg2")    // error 2⁻²², absolute in (½, 2), else relative
RE_APPROX(approx_exp2, "ex2")    // relative error 2⁻²²
RE_APPROX(approx_sin, "sin")     // absolute error 2⁻²⁰·⁵ in ±2π

#undef RE_APPROX

#endif
