//go:build cgo

// Local contrast of FuseRobust on the reduced pixels: what the windows find, and the coefficients
// that pixels get from all windows around them. Sums over windows are kept in float64 as
// in box.c; bands have one height whatever the threads.
#include "vectorise.h"

#include "fuse_robust_limit.h"

static inline int top(int a, int b) { return a > b ? a : b; }
static inline size_t plane(const re_robust *m) { return (size_t)m->lw * m->lh; }

// Sums over the windows along a row of sums down columns, two rows at once.
RE_INLINE void along2(const double *restrict a, const double *restrict b, double *restrict to, double *restrict ub, int w, int r) {
	double s = 0, t = 0;
	int x = 0;
	for (; x < r && x < w; x++) { s += a[x]; t += b[x]; }
	for (x = 0; x < w && x <= r; x++) {
		if (x + r < w) { s += a[x + r]; t += b[x + r]; }
		to[x] = s;
		ub[x] = t;
	}
	for (; x + r < w; x++) {
		to[x] = s += a[x + r] - a[x - r - 1];
		ub[x] = t += b[x + r] - b[x - r - 1];
	}
	for (; x < w; x++) {
		to[x] = s -= a[x - r - 1];
		ub[x] = t -= b[x - r - 1];
	}
}

static inline int within(int at, int r, int n) { return (at + r < n ? at + r : n - 1) - top(at - r, 0) + 1; }

// Adds or takes away a row and its squares.
#define SUMS(name, S, OP)                                                                               \
	RE_INLINE void name(double *restrict sum, double *restrict squares, const S *restrict v, int w) {   \
		for (int x = 0; x < w; x++) {                                                                   \
			double d = (double)v[x];                                                                    \
			sum[x] OP d;                                                                                \
			squares[x] OP d *d;                                                                         \
		}                                                                                               \
	}
SUMS(add_u16, uint16_t, +=)
SUMS(take_u16, uint16_t, -=)
SUMS(add_f32, float, +=)
SUMS(take_f32, float, -=)

// Mean and standard deviation from the sums.
RE_INLINE void moments(const double *restrict sum, const double *restrict squares, const double *restrict inv, double scale, float *restrict mean, float *restrict sd, int w) {
	for (int x = 0; x < w; x++) {
		double m = sum[x] * inv[x], v = squares[x] * inv[x] - m * m;
		mean[x] = (float)(m * scale);
		sd[x] = sqrtf((float)((v > 0 ? v : 0) * (scale * scale)));
	}
}

size_t re_robust_windows_scratch(const re_robust *m) { return sizeof(double) * (size_t)m->lw * (6 * m->n + 12); }

KERNEL(re_robust_windows, (const re_robust *m, int r, float edge, float noise, double *scratch, int y0, int y1), (m, r, edge, noise, scratch, y0, y1), {
	int w = m->lw, h = m->lh, n = m->n;
	size_t size = plane(m);
	double *columns = scratch, *bad = columns + 2 * (size_t)w * (n + 1), *sum = bad + (size_t)w * n, *squares = sum + w, *inv = squares + w;
	float *mean = (float *)(inv + w), *sd = mean + (size_t)w * (n + 1), *near = sd + (size_t)w * (n + 1), *best = near + (size_t)w * n, *total = best + w;
	memset(columns, 0, sizeof(double) * w * (3 * n + 2));
	for (int y = top(0, y0 - r); y < y1 + r; y++) {
		if (y < h)
			for (int i = 0; i <= n; i++) {
				double *c = columns + 2 * (size_t)w * i;
				if (i == n) add_f32(c, c + w, m->level + (size_t)y * w, w);
				else add_u16(c, c + w, m->low + i * size + (size_t)y * w, w);
				if (m->whole && i < n)
					for (int x = 0; x < w; x++) bad[(size_t)i * w + x] += !m->whole[i * size + (size_t)y * w + x];
			}
		int at = y - r; // the row whose windows end here
		if (at < y0) continue;
		if (at > y0 && at - r - 1 >= 0)
			for (int i = 0; i <= n; i++) {
				int old = at - r - 1;
				double *c = columns + 2 * (size_t)w * i;
				if (i == n) take_f32(c, c + w, m->level + (size_t)old * w, w);
				else take_u16(c, c + w, m->low + i * size + (size_t)old * w, w);
				if (m->whole && i < n)
					for (int x = 0; x < w; x++) bad[(size_t)i * w + x] -= !m->whole[i * size + (size_t)old * w + x];
			}
		for (int x = 0; x < w; x++) inv[x] = 1.0 / ((double)within(x, r, w) * within(at, r, h));
		for (int x = 0; x < w; x++) best[x] = total[x] = 0.0f;
		for (int i = 0; i <= n; i++) {
			const double *c = columns + 2 * (size_t)w * i;
			float *restrict e = sd + (size_t)w * i;
			along2(c, c + w, sum, squares, w, r);
			moments(sum, squares, inv, i == n ? 1.0 : 1.0 / 65535.0, mean + (size_t)w * i, e, w);
			if (i == n) break;
			if (m->whole) {
				along2(bad + (size_t)w * i, bad + (size_t)w * i, sum, squares, w, r);
				for (int x = 0; x < w; x++) e[x] = sum[x] > 0.5 ? 0.0f : e[x];
			}
			for (int x = 0; x < w; x++) best[x] = e[x] > best[x] ? e[x] : best[x];
		}
		for (int i = 0; i < n; i++) {
			const float *restrict e = sd + (size_t)w * i;
			float *restrict p = near + (size_t)w * i;
			for (int x = 0; x < w; x++) {
				float q = (e[x] + 1e-4f) / (best[x] + 1e-4f);
				q *= q;
				q *= q;
				q *= q;
				p[x] = q;
				total[x] += q;
			}
		}
		const float *restrict own = mean + (size_t)w * n, *restrict contrast = sd + (size_t)w * n;
		float *restrict to = m->windows + (size_t)at * w, *restrict to_mean = to + RE_ROBUST_MEAN * size;
		float *restrict to_own = to + RE_ROBUST_OWN * size, *restrict to_offset = to + RE_ROBUST_OFFSET * size;
		for (int x = 0; x < w; x++) {
			float b = best[x] * best[x], trust = b / (b + noise * noise), c = contrast[x], want = 2.0f * (c + 2.0f / 255.0f);
			want = want < best[x] ? want : best[x];
			float q = c / edge, s = q * q, t = 1.0f / (1.0f + s * s * q);
			to[x] = t;
			to_mean[x] = t * own[x];
			to_own[x] = t * (1.0f - trust);
			to_offset[x] = t * (trust * own[x]);
			total[x] = t * trust * want / total[x];
		}
		for (int i = 0; i < n; i++) {
			const float *restrict e = sd + (size_t)w * i, *restrict p = near + (size_t)w * i, *restrict u = mean + (size_t)w * i;
			float *restrict out = to + (RE_ROBUST_PHOTO + i) * size;
			for (int x = 0; x < w; x++) {
				float a = total[x] * p[x] / (e[x] + 0.001f);
				out[x] = a;
				to_offset[x] -= a * u[x];
			}
		}
	}
})

RE_INLINE void add_row(double *restrict c, const float *restrict v, int w) { for (int x = 0; x < w; x++) c[x] += (double)v[x]; }
RE_INLINE void take_row(double *restrict c, const float *restrict v, int w) { for (int x = 0; x < w; x++) c[x] -= (double)v[x]; }

KERNEL(re_robust_fit, (const re_robust *m, int step, int r, double *scratch, int y0, int y1), (m, step, r, scratch, y0, y1), {
	int w = m->lw, h = m->lh, n = m->n + RE_ROBUST_PHOTO;
	size_t size = plane(m);
	double *columns = scratch, *sum = columns + (size_t)w * (n + 1), *other = sum + w, *inv = other + w, *weight = inv + w;
	memset(columns, 0, sizeof(double) * w * (n + 1)); // one more, so that there are pairs
	for (int y = top(0, y0 - r); y < y1 + r; y++) {
		if (y < h)
			for (int i = 0; i < n; i++) add_row(columns + (size_t)w * i, m->windows + i * size + (size_t)y * w, w);
		int at = y - r;
		if (at < y0) continue;
		if (at > y0 && at - r - 1 >= 0)
			for (int i = 0; i < n; i++) take_row(columns + (size_t)w * i, m->windows + i * size + (size_t)(at - r - 1) * w, w);
		for (int x = 0; x < w; x++) inv[x] = 1.0 / ((double)within(x, r, w) * within(at, r, h));
		float *row = m->fit[step] + (size_t)at * n * w;
		for (int i = 0; i < n; i += 2) {
			along2(columns + (size_t)w * i, columns + (size_t)w * (i + 1), sum, other, w, r);
			float *restrict a = row + (size_t)w * i;
			if (i == 0)
				for (int x = 0; x < w; x++) {
					weight[x] = inv[x] / (sum[x] * inv[x] + 3e-4);
					a[x] = (float)(3e-4 / (sum[x] * inv[x] + 3e-4));
				}
			else
				for (int x = 0; x < w; x++) a[x] = (float)(sum[x] * weight[x]);
			if (i + 1 < n)
				for (int x = 0; x < w; x++) a[w + x] = (float)(other[x] * weight[x]);
		}
		const float *restrict self = row, *restrict mean = row + RE_ROBUST_MEAN * w, *restrict offset = row + RE_ROBUST_OFFSET * w;
		float *restrict own = row + RE_ROBUST_OWN * w, *restrict level = m->level + (size_t)at * w, *restrict sums = (float *)sum;
		for (int x = 0; x < w; x++) sums[x] = 0.0f;
		for (int i = 0; i < m->n; i++) {
			const uint16_t *restrict low = m->low + i * size + (size_t)at * w;
			const float *restrict a = row + (size_t)w * (RE_ROBUST_PHOTO + i);
			for (int x = 0; x < w; x++) sums[x] += a[x] * ((float)low[x] * (1.0f / 65535.0f));
		}
		for (int x = 0; x < w; x++) {
			own[x] += self[x];
			level[x] = re_robust_limit(level[x], self[x], mean[x], own[x], offset[x] + sums[x]);
		}
	}
})
