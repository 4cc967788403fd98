// A libcuda.so.1 that runs this package's kernels on the processor, for tests on machines without a GPU:
// the driver functions that the package calls, one after the other. It keeps the driver's
// rules where a mistake would show on a GPU only: a context must be current and alive, addresses must lie in its
// allocations, streams, events and kernels must be its own, new memory holds anything, a failed kernel makes the GPU
// unusable, the primary context goes with all that is in it when its last user has released it, and what is queued on a stream
// is done as late as the rules allow, so that work which waits for nothing comes too late for who forgot to wait.
//
// REALEDIT_EMU steers it, read at every call, parts joined by commas:
//   devices=N      GPUs (1)
//   memory=BYTES   of each (4 GiB)
//   driver=N       the version it answers (13000)
//   dry=1          kernels are checked as they start but do nothing
//   fail=[GPU/]FUNCTION@N[+]:CODE   the N-th call of a driver function (any: of those that need a context) from now on answers CODE,
//                  with + all later ones too; with GPU only calls in a context of that one count. 700 and above are for good.
//                  May be given repeatedly.
//
// Settings that have changed start all counts anew and make lost GPUs well again.
// Device attribute 1000 is how many allocations, streams and events a GPU has, 1001 how many calls that need a context there were.
#include "sched.h"

#include <stdio.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <time.h>
#include <vector>

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

struct context;
struct device {
	size_t used;
	int lost; // the error every call answers from then on
	context *primary;
	int live; // allocations, streams and events
};
struct context {
	device *on;
	int users; // of a primary one
	bool destroyed;
	std::map<uintptr_t, size_t> blocks;
};
device devices[8];

// Contexts, streams, events and functions keep their addresses for good, so that one that is used too late is noticed.
struct function {
	context *in;
	kernel *k;
	int shared; // dynamic shared memory it may have
};
// What is queued on a stream, and how much of it has been done.
struct stream {
	context *in;
	std::deque<std::function<int(context *)>> todo; // each answers an error
	uint64_t queued, done;
	bool destroyed;
};
std::deque<stream> streams;
struct event {
	context *in;
	stream *s; // where it was recorded last
	uint64_t at;
	std::shared_ptr<double> ms; // when it was done
	bool destroyed;
};

// run does what a stream was given, up to its n-th piece of work.
void run(stream *s, uint64_t n) {
	while (s->done < n) {
		std::function<int(context *)> f = std::move(s->todo.front());
		s->todo.pop_front();
		if (!s->in->on->lost)
			if (int e = f(s->in)) s->in->on->lost = e;
		s->done++;
	}
}
void run_all(context *c) {
	for (stream &s : streams)
		if (s.in == c) run(&s, s.queued);
}
std::recursive_mutex lock;
thread_local context *stack[16];
thread_local int depth;

context *current() { return depth ? stack[depth - 1] : nullptr; }

// queue gives work to a stream; the null stream does it at once, after everything else.
int queue(void *to, std::function<int(context *)> f) {
	if (!to) {
		run_all(current());
		return current()->on->lost = f(current());
	}
	stream *s = (stream *)to;
	s->todo.push_back(std::move(f));
	s->queued++;
	return 0;
}

struct failure {
	int device; // -1: any
	std::string call;
	int at;
	bool on; // and after
	int code;
};
std::string settings;
std::vector<failure> failures;
int count = 1, version = 13000, calls, dry;
size_t memory = (size_t)4 << 30;

void configure() {
	const char *env = getenv("REALEDIT_EMU");
	std::string now = env ? env : "";
	if (now == settings) return;
	settings = now;
	dry = 0;
	count = 1, version = 13000, memory = (size_t)4 << 30;
	failures.clear();
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
			size_t slash = v.find('/'), a = v.find('@'), c = v.find(':');
			size_t name = slash == std::string::npos ? 0 : slash + 1;
			failures.push_back({name ? atoi(v.c_str()) : -1, v.substr(name, a - name), atoi(v.c_str() + a + 1), v[c - 1] == '+', atoi(v.c_str() + c + 1)});
		}
	}
}

// Every call begins with it: planned failures, then what an earlier failure left. any is "any" for calls that need a context.
int enter(const char *name, const char *any = "") {
	configure();
	context *c = current();
	for (failure &f : failures) {
		if ((f.call != name && f.call != any) || (f.device >= 0 && (!c || c->on != devices + f.device))) continue;
		if (--f.at > 0 || (f.at < 0 && !f.on)) continue;
		if (f.code >= 700 && c) c->on->lost = f.code;
		return f.code;
	}
	return 0;
}
int enter_context(const char *name) {
	calls++;
	if (int e = enter(name, "any")) return e;
	context *c = current();
	return !c ? 201 : c->destroyed ? 709 : c->on->lost;
}

// inside tells whether bytes from p on lie in one allocation of a context.
bool inside(context *c, uintptr_t p, size_t bytes) {
	auto it = c->blocks.upper_bound(p);
	if (it == c->blocks.begin()) return false;
	--it;
	return p + bytes <= it->first + it->second;
}

void release(context *c, std::map<uintptr_t, size_t>::iterator it) {
	memset((void *)it->first, 0xDB, it->second);
	free((void *)it->first);
	c->on->used -= it->second;
	c->on->live--;
	c->blocks.erase(it);
}
void destroy(context *c) {
	run_all(c);
	while (!c->blocks.empty()) release(c, c->blocks.begin());
	c->destroyed = true;
}

// Whether a stream or an event is none of the current context, or gone; the null stream is everybody's.
bool foreign(stream *s) { return s && (s->in != current() || s->destroyed); }
bool foreign(event *e) { return !e || e->in != current() || e->destroyed; }

} // namespace

int emu_register(const char *name, emu_entry run, size_t bytes, int threads) {
	kernels()[name] = {name, run, bytes, threads, 48 << 10};
	return 0;
}

#define API extern "C" __attribute__((visibility("default"))) int
#define OWN(h) if (foreign(h)) return 400
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
API cuDevicePrimaryCtxRetain(void **c, int d) {
	CALL(cuDevicePrimaryCtxRetain);
	if (d < 0 || d >= count) return 101;
	if (devices[d].lost) return devices[d].lost;
	if (!devices[d].primary) devices[d].primary = new context{&devices[d]};
	devices[d].primary->users++;
	*c = devices[d].primary;
	return 0;
}
API cuDevicePrimaryCtxRelease_v2(int d) {
	CALL(cuDevicePrimaryCtxRelease);
	context *c = d < 0 || d >= 8 ? nullptr : devices[d].primary;
	if (!c) return 201;
	if (--c->users == 0) destroy(c), devices[d].primary = nullptr;
	return 0;
}
API cuCtxCreate_v2(void **c, unsigned, int d) {
	CALL(cuCtxCreate);
	if (d < 0 || d >= count) return 101;
	if (devices[d].lost) return devices[d].lost;
	if (depth == 16) return 201;
	*c = stack[depth++] = new context{&devices[d]};
	return 0;
}
API cuCtxDestroy_v2(void *p) {
	CALL(cuCtxDestroy);
	context *c = (context *)p;
	if (!c || c->destroyed) return 201;
	if (current() == c) depth--;
	destroy(c);
	return 0;
}
API cuCtxPushCurrent_v2(void *c) { CALL(cuCtxPushCurrent); if (depth == 16) return 201; stack[depth++] = (context *)c; return 0; }
API cuCtxPopCurrent_v2(void **c) { CALL(cuCtxPopCurrent); if (!depth) return 201; void *p = stack[--depth]; if (c) *c = p; return 0; }
API cuCtxSetCurrent(void *c) {
	CALL(cuCtxSetCurrent);
	if (depth) depth--;
	if (c) stack[depth++] = (context *)c;
	return 0;
}
API cuCtxGetCurrent(void **c) { CALL(cuCtxGetCurrent); *c = current(); return 0; }
API cuCtxSynchronize() { CTX_CALL(cuCtxSynchronize); run_all(current()); return current()->on->lost; }

// whole tells whether an image is a fatbin whose entries fill it.
static bool whole(const unsigned char *p) {
	auto at = [&](size_t i, size_t n) { uint64_t v = 0; memcpy(&v, p + i, n); return v; };
	if (at(0, 4) != 0xba55ed50 || at(6, 2) != 16) return false;
	uint64_t end = 16 + at(8, 8), i = 16;
	while (i < end) { // kind, version, bytes of the header and of what follows
		uint64_t kind = at(i, 2), header = at(i + 4, 4), size = at(i + 8, 8);
		if (kind < 1 || kind > 2 || header < 16 || header > end - i || size > end - i - header) return false;
		i += header + size;
	}
	return i == end;
}
API cuModuleLoadData(void **m, const void *image) {
	CTX_CALL(cuModuleLoadData);
	if (!whole((const unsigned char *)image)) return 200;
	*m = current();
	return 0;
}
API cuModuleUnload(void *) { CTX_CALL(cuModuleUnload); return 0; }
API cuModuleGetFunction(void **f, void *m, const char *name) {
	CTX_CALL(cuModuleGetFunction);
	auto it = kernels().find(name);
	if (it == kernels().end()) return 500;
	*f = new function{(context *)m, &it->second, 48 << 10};
	return 0;
}
API cuFuncSetAttribute(void *f, int attribute, int v) {
	CTX_CALL(cuFuncSetAttribute);
	if (attribute == 8) {
		if (v > 227 << 10) return 1;
		((function *)f)->shared = v;
	}
	return 0;
}
API cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *s, void **params, void **extra) {
	CTX_CALL(cuLaunchKernel);
	kernel *k = ((function *)f)->k;
	if (((function *)f)->in != current() || foreign((stream *)s)) return 400;
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
	if (!gx || !gy || !gz || !threads || threads > (uint64_t)k->threads || bz > 64 || gx > 0x7fffffff || gy > 65535 || gz > 65535 || (int)shared > ((function *)f)->shared) {
		fprintf(stderr, "emulator: %s cannot start as %u×%u×%u blocks of %u×%u×%u threads (at most %d) with %u bytes\n", k->name, gx, gy, gz, bx, by, bz, k->threads, shared);
		return 1;
	}
	if (dry) return 0;
	std::string copy((const char *)args, bytes);
	return queue(s, [=](context *) {
		if (emu_launch(k->run, copy.data(), dim3{gx, gy, gz}, dim3{bx, by, bz}, shared)) return 0;
		fprintf(stderr, "emulator: threads of a block of %s wait at different barriers\n", k->name);
		return 719;
	});
}

API cuMemGetInfo_v2(size_t *free, size_t *total) { CTX_CALL(cuMemGetInfo); *total = memory; *free = memory - std::min(memory, current()->on->used); return 0; }
API cuMemAlloc_v2(uintptr_t *p, size_t n) {
	CTX_CALL(cuMemAlloc);
	context *c = current();
	if (n == 0) return 1;
	if (c->on->used + n > memory) return 2;
	void *m = aligned_alloc(512, (n + 511) / 512 * 512);
	if (!m) return 2;
	memset(m, 0xCB, n);
	*p = (uintptr_t)m;
	c->blocks[*p] = n;
	c->on->used += n;
	c->on->live++;
	return 0;
}
API cuMemFree_v2(uintptr_t p) {
	CTX_CALL(cuMemFree);
	context *c = current();
	auto it = c->blocks.find(p);
	if (it == c->blocks.end()) return 1;
	run_all(c);
	release(c, it);
	return 0;
}
API cuMemHostAlloc(void **p, size_t n, unsigned) {
	CTX_CALL(cuMemHostAlloc);
	*p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
	current()->on->live += *p != nullptr;
	return *p ? 0 : 2;
}
API cuMemFreeHost(void *p) {
	CTX_CALL(cuMemFreeHost);
	run_all(current());
	current()->on->live--;
	free(p);
	return 0;
}
API cuMemHostRegister_v2(void *, size_t, unsigned) { CTX_CALL(cuMemHostRegister); return 0; }
API cuMemHostUnregister(void *) { CTX_CALL(cuMemHostUnregister); return 0; }

API cuMemcpyHtoDAsync_v2(uintptr_t p, const void *from, size_t n, void *s) {
	CTX_CALL(cuMemcpyHtoDAsync);
	OWN((stream *)s);
	return queue(s, [=](context *c) { return inside(c, p, n) ? memcpy((void *)p, from, n), 0 : 700; });
}
API cuMemcpyDtoHAsync_v2(void *p, uintptr_t from, size_t n, void *s) {
	CTX_CALL(cuMemcpyDtoHAsync);
	OWN((stream *)s);
	return queue(s, [=](context *c) { return inside(c, from, n) ? memcpy(p, (void *)from, n), 0 : 700; });
}
API cuMemcpyDtoDAsync_v2(uintptr_t p, uintptr_t from, size_t n, void *s) {
	CTX_CALL(cuMemcpyDtoDAsync);
	OWN((stream *)s);
	return queue(s, [=](context *c) { return inside(c, p, n) && inside(c, from, n) ? memmove((void *)p, (void *)from, n), 0 : 700; });
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
	OWN((stream *)to);
	copy2d c = *given;
	return queue(to, [=](context *in) {
		const char *s = c.src_type == 1 ? (const char *)c.src_host : (const char *)c.src_device;
		char *d = c.dst_type == 1 ? (char *)c.dst_host : (char *)c.dst_device;
		size_t last = c.height ? c.height - 1 : 0;
		if (c.src_type == 2 && !inside(in, (uintptr_t)s, last * c.src_pitch + c.width)) return 700;
		if (c.dst_type == 2 && !inside(in, (uintptr_t)d, last * c.dst_pitch + c.width)) return 700;
		for (size_t y = 0; y < c.height; y++) memcpy(d + y * c.dst_pitch, s + y * c.src_pitch, c.width);
		return 0;
	});
}
API cuMemsetD8Async(uintptr_t p, unsigned char v, size_t n, void *s) {
	CTX_CALL(cuMemsetD8Async);
	OWN((stream *)s);
	return queue(s, [=](context *c) { return inside(c, p, n) ? memset((void *)p, v, n), 0 : 700; });
}
API cuMemsetD32Async(uintptr_t p, unsigned v, size_t n, void *s) {
	CTX_CALL(cuMemsetD32Async);
	OWN((stream *)s);
	return queue(s, [=](context *c) { return inside(c, p, 4 * n) ? std::fill_n((unsigned *)p, n, v), 0 : 700; });
}

// Those that are done when they return.
API cuMemcpyHtoD_v2(uintptr_t d, const void *s, size_t n) { return cuMemcpyHtoDAsync_v2(d, s, n, nullptr); }
API cuMemcpyDtoH_v2(void *d, uintptr_t s, size_t n) { return cuMemcpyDtoHAsync_v2(d, s, n, nullptr); }
API cuMemsetD8_v2(uintptr_t d, unsigned char v, size_t n) { return cuMemsetD8Async(d, v, n, nullptr); }

API cuStreamCreate(void **s, unsigned) {
	CTX_CALL(cuStreamCreate);
	current()->on->live++;
	streams.push_back({current()});
	*s = &streams.back();
	return 0;
}
API cuStreamDestroy_v2(void *s) {
	CTX_CALL(cuStreamDestroy);
	OWN((stream *)s);
	current()->on->live--;
	((stream *)s)->destroyed = true; // what is queued is done all the same
	return 0;
}
API cuStreamSynchronize(void *s) {
	CTX_CALL(cuStreamSynchronize);
	OWN((stream *)s);
	if (s) run((stream *)s, ((stream *)s)->queued);
	return current()->on->lost;
}
API cuStreamWaitEvent(void *s, void *p, unsigned) {
	CTX_CALL(cuStreamWaitEvent);
	OWN((stream *)s);
	OWN((event *)p);
	event e = *(event *)p;
	if (!e.s || e.s == s) return 0;
	return queue(s, [=](context *) { return run(e.s, e.at), 0; });
}
API cuEventCreate(void **e, unsigned) { CTX_CALL(cuEventCreate); current()->on->live++; *e = new event{current()}; return 0; }
API cuEventDestroy_v2(void *e) {
	CTX_CALL(cuEventDestroy);
	OWN((event *)e);
	current()->on->live--;
	((event *)e)->destroyed = true;
	return 0;
}
API cuEventRecord(void *p, void *to) {
	CTX_CALL(cuEventRecord);
	OWN((event *)p);
	OWN((stream *)to);
	event *e = (event *)p;
	std::shared_ptr<double> ms = e->ms = std::make_shared<double>();
	queue(to, [=](context *) {
		timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		*ms = t.tv_sec * 1e3 + t.tv_nsec / 1e6;
		return 0;
	});
	e->s = (stream *)to, e->at = to ? e->s->queued : 0;
	return 0;
}
API cuEventSynchronize(void *p) {
	CTX_CALL(cuEventSynchronize);
	OWN((event *)p);
	event *e = (event *)p;
	if (e->s) run(e->s, e->at);
	return current()->on->lost;
}
API cuEventElapsedTime(float *ms, void *a, void *b) { CTX_CALL(cuEventElapsedTime); *ms = (float)(*((event *)b)->ms - *((event *)a)->ms); return 0; }
