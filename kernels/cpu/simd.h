// Every kernel body is compiled once for each instruction set and picked at run time.
//
// KERNEL(name, (params), (args), { body }) makes a function name(params) that jumps to
// the body compiled for the best instruction set this processor has. The body is plain
// C (no intrinsics needed): the compiler vectorises it for each target. Unlike
// target_clones this needs no ifunc support, so musl, macOS and clang get it too, and
// a test can force each variant (re_isa). Floating point is not contracted
// (-std=c11 switches that off in GCC; the pragma does in clang), so all variants give
// the same bits.
#ifndef REALEDIT_SIMD_H
#define REALEDIT_SIMD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

// 0 = the build's baseline, 1 = AVX2, 2 = AVX-512 (F, BW, DQ, VL). Set by re_detect.
extern int re_isa;
int re_detect(void);

#if defined(__x86_64__) && defined(__GNUC__)
#define RE_AVX2 __attribute__((target("avx2,f16c")))
#if defined(__clang__)
#define RE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c")))
#else
#define RE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c,prefer-vector-width=512")))
#endif
#define KERNEL(name, params, args, ...)                                              \
	static inline __attribute__((always_inline)) void name##_body params __VA_ARGS__ \
	RE_AVX512 static void name##_avx512 params { name##_body args; }                 \
	RE_AVX2 static void name##_avx2 params { name##_body args; }                     \
	static void name##_base params { name##_body args; }                             \
	void name params {                                                               \
		if (re_isa >= 2) name##_avx512 args;                                         \
		else if (re_isa == 1) name##_avx2 args;                                      \
		else name##_base args;                                                       \
	}
#else
#define KERNEL(name, params, args, ...) \
	void name params __VA_ARGS__
#endif

// Helpers called from bodies must be RE_INLINE, or they stay at the baseline.
#define RE_INLINE static inline __attribute__((always_inline))

#endif
