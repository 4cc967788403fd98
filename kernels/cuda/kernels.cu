// All kernels, one translation unit: one fatbin for the GPUs, one library for the emulator.
#include "convert.cu"
#include "fuse_robust_base.cu"
#include "fuse_robust_contrast.cu"
#include "fuse_robust_measure.cu"
#include "fuse_robust_merge.cu"
#include "fuse_robust_summary.cu"
