// What the emulated driver needs of the scheduler.
#include "emu.h"

// emu_launch runs a kernel to its end; false when threads of a block wait at different barriers.
bool emu_launch(emu_entry run, const void *args, dim3 grid, dim3 block, unsigned shared);
