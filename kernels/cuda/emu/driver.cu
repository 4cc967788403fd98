// A libcuda.so.1 that runs this package's kernels on the processor, for tests on machines without a GPU:
// the driver functions that the package calls, one after the other. It keeps the driver's
// rules where a mistake would show on a GPU only: a context must be current, addresses must lie in
// allocations, new memory holds anything, a failed kernel makes the context unusable, and what is queued on a stream
// is done as late as the rules allow, so that work which waits for nothing comes too late for who forgot to wait.
//
// REALEDIT_EMU steers it, read at every call, parts joined by commas:
//   devices=N      GPUs (1)
//   memory=BYTES   of each (4 GiB)
//   driver=N       the version it answers (13000)
//   dry=1          kernels are checked as they start but do nothing
//   fail=FUNCTION@N:CODE   the N-th call of a driver function (any: of those that need a context) from now on answers CODE (719 and the like are for good)
//
// Its device attribute 1000 is how many allocations, streams and events there are, 1001 how many calls that need a context there were.
#include "sched.h"

#include <stdio.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <time.h>

namespace {

struct kernel {
	const char *name;
	emu_entry run;
	size_t bytes;
	int threads;
	int shared; // dynamic shared memory it may have
};
std::map<std::string, kernel> &kernels() {
	static std::map<std::string, kernel> k;
	return k;
}

struct device {
	int ordinal;
	size_t used;
	int lost; // the error every call answers from then on
	std::map<uintptr_t, size_t> blocks;
	int live; // allocations, streams and events
};
device devices[8];

// What is queued on a stream, and how much of it has been done. Streams stay when they are destroyed, for events name them.
struct stream {
	device *d;
	std::deque<std::function<int(device *)>> todo; // each answers an error
	uint64_t queued, done;
};
std::deque<stream> streams;
struct event {
	stream *s; // where it was recorded last
	uint64_t at;
	std::shared_ptr<double> ms; // when it was done
};

// run does what a stream was given, up to its n-th piece of work.
void run(stream *s, uint64_t n) {
	while (s->done < n) {
		std::function<int(device *)> f = std::move(s->todo.front());
		s->todo.pop_front();
		if (!s->d->lost)
			if (int e = f(s->d)) s->d->lost = e;
		s->done++;
	}
}
void run_all(device *d) {
	for (stream &s : streams)
		if (s.d == d) run(&s, s.queued);
}
int queue(void *to, std::function<int(device *)> f) {
	stream *s = (stream *)to;
	s->todo.push_back(std::move(f));
	s->queued++;
	return 0;
}
std::recursive_mutex lock;
thread_local device *stack[16];
thread_local int depth;

std::string settings, fail_name;
int count = 1, version = 13000, fail_at, fail_code, calls, dry;
size_t memory = (size_t)4 << 30;

void configure() {
	const char *env = getenv("REALEDIT_EMU");
	std::string now = env ? env : "";
	if (now == settings) return;
	settings = now;
	dry = 0, count = 1, version = 13000, fail_at = fail_code = 0, memory = (size_t)4 << 30;
	fail_name.clear();
	for (device &d : devices) d.lost = 0;
	for (size_t at = 0; at < now.size();) {
		size_t end = std::min(now.find(',', at), now.size());
		std::string part = now.substr(at, end - at);
		at = end + 1;
		size_t eq = part.find('=');
		if (eq == std::string::npos) continue;
		std::string key = part.substr(0, eq), v = part.substr(eq + 1);
		if (key == "devices") count = std::min(8, atoi(v.c_str()));
		if (key == "memory") memory = strtoull(v.c_str(), nullptr, 10);
		if (key == "dry") dry = atoi(v.c_str());
		if (key == "driver") version = atoi(v.c_str());
		if (key == "fail") {
			size_t a = v.find('@'), c = v.find(':');
			fail_name = v.substr(0, a);
			fail_at = atoi(v.substr(a + 1, c - a - 1).c_str());
			fail_code = atoi(v.substr(c + 1).c_str());
		}
	}
}

device *current() { return depth ? stack[depth - 1] : nullptr; }

// Every call begins with it: planned failures, then what an earlier failure left.
int enter(const char *name) {
	configure();
	if (fail_at > 0 && fail_name == name && --fail_at == 0) {
		if (fail_code >= 700 && current()) current()->lost = fail_code;
		return fail_code;
	}
	return 0;
}
int enter_context(const char *name) {
	calls++;
	if (int e = enter(fail_name == "any" ? "any" : name)) return e;
	device *d = current();
	return d ? d->lost : 201;
}

// inside tells whether bytes from p on lie in one allocation of a device.
bool inside(device *d, uintptr_t p, size_t bytes) {
	auto it = d->blocks.upper_bound(p);
	if (it == d->blocks.begin()) return false;
	--it;
	return p + bytes <= it->first + it->second;
}
} // namespace

int emu_register(const char *name, emu_entry run, size_t bytes, int threads) {
	kernels()[name] = {name, run, bytes, threads, 48 << 10};
	return 0;
}

#define API extern "C" __attribute__((visibility("default"))) int
#define CALL(name) std::lock_guard<std::recursive_mutex> hold(lock); if (int e = enter(#name)) return e
#define CTX_CALL(name) std::lock_guard<std::recursive_mutex> hold(lock); if (int e = enter_context(#name)) return e

API cuInit(unsigned) { CALL(cuInit); return count ? 0 : 100; }
API cuDriverGetVersion(int *v) { CALL(cuDriverGetVersion); *v = version; return 0; }
API cuDeviceGetCount(int *n) { CALL(cuDeviceGetCount); *n = count; return 0; }
API cuDeviceGet(int *d, int i) { CALL(cuDeviceGet); if (i < 0 || i >= count) return 101; *d = i; return 0; }
API cuDeviceGetName(char *s, int n, int d) { CALL(cuDeviceGetName); snprintf(s, n, "emulated GPU %d", d); return 0; }
API cuDeviceTotalMem_v2(size_t *n, int) { CALL(cuDeviceTotalMem); *n = memory; return 0; }
API cuDeviceGetAttribute(int *v, int a, int d) {
	CALL(cuDeviceGetAttribute);
	switch (a) {
	case 1: *v = 1024; break;          // threads of a block
	case 8: *v = 48 << 10; break;      // shared memory of a block
	case 16: *v = 4; break;            // multiprocessors
	case 75: *v = 9; break;            // compute capability
	case 76: *v = 0; break;
	case 97: *v = 227 << 10; break;    // shared memory of a block on request
	case 1000: *v = devices[d].live; break;
	case 1001: *v = calls; break;
	default: *v = 0;
	}
	return 0;
}
API cuDevicePrimaryCtxRetain(void **c, int d) { CALL(cuDevicePrimaryCtxRetain); if (d < 0 || d >= count) return 101; devices[d].ordinal = d; *c = &devices[d]; return devices[d].lost; }
API cuDevicePrimaryCtxRelease_v2(int) { CALL(cuDevicePrimaryCtxRelease); return 0; }
API cuCtxPushCurrent_v2(void *c) { CALL(cuCtxPushCurrent); if (depth == 16) return 201; stack[depth++] = (device *)c; return 0; }
API cuCtxPopCurrent_v2(void **c) { CALL(cuCtxPopCurrent); if (!depth) return 201; void *p = stack[--depth]; if (c) *c = p; return 0; }
API cuCtxSetCurrent(void *c) { CALL(cuCtxSetCurrent); depth = 0; if (c) stack[depth++] = (device *)c; return 0; }
API cuCtxGetCurrent(void **c) { CALL(cuCtxGetCurrent); *c = current(); return 0; }
API cuCtxSynchronize() { CTX_CALL(cuCtxSynchronize); run_all(current()); return current()->lost; }

API cuModuleLoadData(void **m, const void *image) {
	CTX_CALL(cuModuleLoadData);
	static const unsigned char magic[4] = {0x50, 0xed, 0x55, 0xba}; // of a fatbin
	if (memcmp(image, magic, 4)) return 200;
	*m = (void *)&kernels();
	return 0;
}
API cuModuleUnload(void *) { CTX_CALL(cuModuleUnload); return 0; }
API cuModuleGetFunction(void **f, void *, const char *name) {
	CTX_CALL(cuModuleGetFunction);
	auto it = kernels().find(name);
	if (it == kernels().end()) return 500;
	*f = &it->second;
	return 0;
}
API cuFuncSetAttribute(void *f, int attribute, int v) {
	CTX_CALL(cuFuncSetAttribute);
	if (attribute == 8) {
		if (v > 227 << 10) return 1;
		((kernel *)f)->shared = v;
	}
	return 0;
}
API cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *s, void **params, void **extra) {
	CTX_CALL(cuLaunchKernel);
	kernel *k = (kernel *)f;
	const void *args = nullptr;
	size_t bytes = 0;
	for (; extra && *extra; extra += 2) {
		if (*extra == (void *)1) args = extra[1];
		if (*extra == (void *)2) bytes = *(size_t *)extra[1];
	}
	uint64_t threads = (uint64_t)bx * by * bz;
	if (params || !args || bytes != k->bytes) {
		fprintf(stderr, "emulator: %s gets %zu bytes of arguments, wants %zu\n", k->name, bytes, k->bytes);
		return 1;
	}
	if (!gx || !gy || !gz || !threads || threads > (uint64_t)k->threads || bz > 64 || gx > 0x7fffffff || gy > 65535 || gz > 65535 || (int)shared > k->shared) {
		fprintf(stderr, "emulator: %s cannot start as %u×%u×%u blocks of %u×%u×%u threads (at most %d) with %u bytes\n", k->name, gx, gy, gz, bx, by, bz, k->threads, shared);
		return 1;
	}
	if (dry) return 0;
	std::string copy((const char *)args, bytes);
	return queue(s, [=](device *) {
		if (emu_launch(k->run, copy.data(), dim3{gx, gy, gz}, dim3{bx, by, bz}, shared)) return 0;
		fprintf(stderr, "emulator: threads of a block of %s wait at different barriers\n", k->name);
		return 719;
	});
}

API cuMemGetInfo_v2(size_t *free, size_t *total) { CTX_CALL(cuMemGetInfo); *total = memory; *free = memory - std::min(memory, current()->used); return 0; }
API cuMemAlloc_v2(uintptr_t *p, size_t n) {
	CTX_CALL(cuMemAlloc);
	device *d = current();
	if (n == 0) return 1;
	if (d->used + n > memory) return 2;
	void *m = aligned_alloc(512, (n + 511) / 512 * 512);
	if (!m) return 2;
	memset(m, 0xCB, n);
	*p = (uintptr_t)m;
	d->blocks[*p] = n;
	d->used += n;
	d->live++;
	return 0;
}
API cuMemFree_v2(uintptr_t p) {
	CTX_CALL(cuMemFree);
	device *d = current();
	auto it = d->blocks.find(p);
	if (it == d->blocks.end()) return 1;
	run_all(d);
	d->live--;
	memset((void *)p, 0xDB, it->second);
	d->used -= it->second;
	d->blocks.erase(it);
	free((void *)p);
	return 0;
}
API cuMemHostAlloc(void **p, size_t n, unsigned) {
	CTX_CALL(cuMemHostAlloc);
	*p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
	current()->live += *p != nullptr;
	return *p ? 0 : 2;
}
API cuMemFreeHost(void *p) {
	CTX_CALL(cuMemFreeHost);
	run_all(current());
	current()->live--;
	free(p);
	return 0;
}
API cuMemHostRegister_v2(void *, size_t, unsigned) { CTX_CALL(cuMemHostRegister); return 0; }
API cuMemHostUnregister(void *) { CTX_CALL(cuMemHostUnregister); return 0; }

API cuMemcpyHtoDAsync_v2(uintptr_t p, const void *from, size_t n, void *s) {
	CTX_CALL(cuMemcpyHtoDAsync);
	return queue(s, [=](device *d) { return inside(d, p, n) ? memcpy((void *)p, from, n), 0 : 700; });
}
API cuMemcpyDtoHAsync_v2(void *p, uintptr_t from, size_t n, void *s) {
	CTX_CALL(cuMemcpyDtoHAsync);
	return queue(s, [=](device *d) { return inside(d, from, n) ? memcpy(p, (void *)from, n), 0 : 700; });
}
API cuMemcpyDtoDAsync_v2(uintptr_t p, uintptr_t from, size_t n, void *s) {
	CTX_CALL(cuMemcpyDtoDAsync);
	return queue(s, [=](device *d) { return inside(d, p, n) && inside(d, from, n) ? memmove((void *)p, (void *)from, n), 0 : 700; });
}

// CUDA_MEMCPY2D.
struct copy2d {
	size_t src_x, src_y;
	int src_type;
	const void *src_host;
	uintptr_t src_device;
	void *src_array;
	size_t src_pitch, dst_x, dst_y;
	int dst_type;
	void *dst_host;
	uintptr_t dst_device;
	void *dst_array;
	size_t dst_pitch, width, height;
};
API cuMemcpy2DAsync_v2(const copy2d *given, void *to) {
	CTX_CALL(cuMemcpy2DAsync);
	copy2d c = *given;
	return queue(to, [=](device *dev) {
		const char *s = c.src_type == 1 ? (const char *)c.src_host : (const char *)c.src_device;
		char *d = c.dst_type == 1 ? (char *)c.dst_host : (char *)c.dst_device;
		size_t last = c.height ? c.height - 1 : 0;
		if (c.src_type == 2 && !inside(dev, (uintptr_t)s, last * c.src_pitch + c.width)) return 700;
		if (c.dst_type == 2 && !inside(dev, (uintptr_t)d, last * c.dst_pitch + c.width)) return 700;
		for (size_t y = 0; y < c.height; y++) memcpy(d + y * c.dst_pitch, s + y * c.src_pitch, c.width);
		return 0;
	});
}
API cuMemsetD8Async(uintptr_t p, unsigned char v, size_t n, void *s) {
	CTX_CALL(cuMemsetD8Async);
	return queue(s, [=](device *d) { return inside(d, p, n) ? memset((void *)p, v, n), 0 : 700; });
}
API cuMemsetD32Async(uintptr_t p, unsigned v, size_t n, void *s) {
	CTX_CALL(cuMemsetD32Async);
	return queue(s, [=](device *d) { return inside(d, p, 4 * n) ? std::fill_n((unsigned *)p, n, v), 0 : 700; });
}

API cuStreamCreate(void **s, unsigned) {
	CTX_CALL(cuStreamCreate);
	current()->live++;
	streams.push_back({current()});
	*s = &streams.back();
	return 0;
}
API cuStreamDestroy_v2(void *s) { CTX_CALL(cuStreamDestroy); current()->live--; return 0; }
API cuStreamSynchronize(void *s) {
	CTX_CALL(cuStreamSynchronize);
	if (s) run((stream *)s, ((stream *)s)->queued);
	return current()->lost;
}
API cuStreamWaitEvent(void *s, void *p, unsigned) {
	CTX_CALL(cuStreamWaitEvent);
	event e = *(event *)p;
	if (!e.s || e.s == s) return 0;
	return queue(s, [=](device *) { return run(e.s, e.at), 0; });
}
API cuEventCreate(void **e, unsigned) { CTX_CALL(cuEventCreate); current()->live++; *e = new event{}; return 0; }
API cuEventDestroy_v2(void *e) {
	CTX_CALL(cuEventDestroy);
	if (!e) return 400;
	current()->live--;
	delete (event *)e;
	return 0;
}
API cuEventRecord(void *p, void *to) {
	CTX_CALL(cuEventRecord);
	event *e = (event *)p;
	std::shared_ptr<double> ms = e->ms = std::make_shared<double>();
	queue(to, [=](device *) {
		timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		*ms = t.tv_sec * 1e3 + t.tv_nsec / 1e6;
		return 0;
	});
	e->s = (stream *)to, e->at = e->s->queued;
	return 0;
}
API cuEventSynchronize(void *p) {
	CTX_CALL(cuEventSynchronize);
	event *e = (event *)p;
	if (e->s) run(e->s, e->at);
	return current()->lost;
}
API cuEventElapsedTime(float *ms, void *a, void *b) { CTX_CALL(cuEventElapsedTime); *ms = (float)(*((event *)b)->ms - *((event *)a)->ms); return 0; }
