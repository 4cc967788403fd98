// Blocks and threads on the processor: see emu.h.
#include "emu.h"
#include "sched.h"

#include <stdio.h>
#include <sys/mman.h>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;
unsigned char *emu_dynamic;
uint64_t emu_exchange[32][32];

namespace {

enum state { READY, AT_BLOCK, AT_WARP, DONE };
struct fiber {
	void *sp;
	state s;
	bool started;
	unsigned mask;
	uint3 index;
};
const size_t stack_bytes = (128 << 10) + 320; // no power of two, or all stacks meet in the same lines of the cache
fiber fibers[1024];
unsigned char *stacks;
void *home;
int current;
emu_entry body;
const void *body_args;

// swap_to saves this stack in *from and goes on with the other.
#if defined(__x86_64__)
extern "C" void emu_swap_to(void **from, void *to);
__asm__(".text\n.globl emu_swap_to\n.hidden emu_swap_to\nemu_swap_to:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");
void *fresh(unsigned char *top, void (*start)()) {
	void **sp = (void **)((uintptr_t)top & ~(uintptr_t)15);
	*--sp = nullptr; // where start would return to
	*--sp = (void *)start;
	for (int i = 0; i < 6; i++) *--sp = nullptr;
	return sp;
}
#else
#error "the emulator's fibers are written for x86-64"
#endif

void start() {
	body(body_args);
	fibers[current].s = DONE;
	void *gone;
	emu_swap_to(&gone, home);
}

void resume(int t) {
	fiber &f = fibers[t];
	current = t;
	threadIdx = f.index;
	if (!f.started) {
		f.started = true;
		f.sp = fresh(stacks + stack_bytes * (t + 1), start);
	}
	emu_swap_to(&home, f.sp);
}

void wait(state s, unsigned mask) {
	fiber &f = fibers[current];
	f.s = s;
	f.mask = mask;
	emu_swap_to(&f.sp, home);
}

// Threads w to end of a block, a warp: they run until none can go on. False: none could.
bool run_warp(int w, int end) {
	for (bool ran = false;; ran = true) {
		bool some = false;
		unsigned here = 0, gone = 0; // at a warp barrier; not coming any more
		for (int t = w; t < end; t++) {
			if (fibers[t].s == READY) {
				resume(t);
				some = true;
			}
			here |= (unsigned)(fibers[t].s == AT_WARP) << (t - w);
			gone |= (unsigned)(fibers[t].s == DONE) << (t - w);
		}
		if (!some) return ran;
		if (end - w < 32) gone |= ~0u << (end - w);
		for (int t = w; t < end && here; t++) {
			unsigned mask = fibers[t].mask;
			if (!(here >> (t - w) & 1) || mask & ~(here | gone)) continue;
			here &= ~mask;
			for (int l = w; l < end; l++)
				if (mask >> (l - w) & 1 && fibers[l].s == AT_WARP) fibers[l].s = READY;
		}
	}
}

// One block: everybody runs until all that are left wait at one barrier. False: they wait at different ones for ever.
bool run_block(int n) {
	for (int t = 0; t < n; t++) {
		fibers[t].s = READY;
		fibers[t].started = false;
	}
	for (;;) {
		bool ran = false;
		for (int w = 0; w < n; w += 32) ran |= run_warp(w, std::min(n, w + 32));
		if (ran) continue;
		int left = 0, waiting = 0;
		for (int t = 0; t < n; t++) {
			left += fibers[t].s != DONE;
			waiting += fibers[t].s == AT_BLOCK;
		}
		if (left == 0) return true;
		if (waiting != left) return false;
		for (int t = 0; t < n; t++)
			if (fibers[t].s == AT_BLOCK) fibers[t].s = READY;
	}
}

} // namespace

void emu_block_barrier() { wait(AT_BLOCK, 0); }
void emu_warp_barrier(unsigned mask) { wait(AT_WARP, mask); }
int emu_lane() { return current % 32; }

bool emu_launch(emu_entry run, const void *args, dim3 grid, dim3 block, unsigned shared) {
	if (!stacks) stacks = (unsigned char *)mmap(nullptr, stack_bytes * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	static unsigned char *dynamic;
	if (!dynamic) dynamic = (unsigned char *)aligned_alloc(1024, 256 << 10);
	body = run;
	body_args = args;
	gridDim = grid;
	blockDim = block;
	emu_dynamic = dynamic;
	for (unsigned t = 0; t < block.x * block.y * block.z; t++) fibers[t].index = {t % block.x, t / block.x % block.y, t / (block.x * block.y)};
	for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
		for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
			for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++) {
				memset(dynamic, 0xCB, shared); // shared memory starts with anything
				if (!run_block(block.x * block.y * block.z)) return false;
			}
	return true;
}

float emu_half_to_float(unsigned short h) {
	_Float16 v;
	memcpy(&v, &h, 2);
	return (float)v;
}

unsigned short emu_float_to_half(float f) {
	_Float16 v = (_Float16)f;
	unsigned short h;
	memcpy(&h, &v, 2);
	return h;
}
