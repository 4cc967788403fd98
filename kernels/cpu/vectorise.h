// Include first, where loops select between floating-point results: GCC assumes that
// operations may trap and then keeps the branches, scalar. Results do not change.
#ifndef REALEDIT_VECTORISE_H
#define REALEDIT_VECTORISE_H

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math", "no-math-errno")
#endif

#endif
