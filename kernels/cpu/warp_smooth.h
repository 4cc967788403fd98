// Warp where the map is nearly a shift, as between hand-held photos of one scene.
//
// A tile (SIDE columns by one band of rows of dst) is smooth when neighbouring pixels of a row
// mostly take their samples from neighbouring columns of the same four rows. A row then
// falls into runs in which the k-th pixel reads columns ix+k−1 … ix+k+2: eight pixels are
// computed at once, with loads of neighbours and no gathering, from rows of src that were
// spread to float planes once, their edges replicated. Every sample is the same sum in the same
// order as in warp.c's other paths.
//
// Positions are exact (as the definition has them) at every 16th pixel, from node to node.
// With e = h6/d at a node, a mean step of s pixels and i counted from the node, the map between is
// exactly linear + (−e·s/(1+e·i))·i·(i−16). The factor 1/(1+e·i) is left out: at |e| ≤ 1e-5 and
// s ≤ 1.25 that moves a position by less than 607·e²·s < 8e-8 pixels; rounding to float
// adds less than 2^-21. A node is one by its column in dst, so tiles do not show.
// valid is what the exact positions say.
#ifndef REALEDIT_WARP_SMOOTH_H
#define REALEDIT_WARP_SMOOTH_H

#include "rows.h"
#include "shuffle.h"

#define SIDE CHUNK
#define SPAN 16
#define NODES (SIDE / SPAN + 1)
#define RING 32  // rows of src held, a power of two
#define WIDTH (SIDE + SIDE / 4 + 8) // columns of src that a tile may need
#define ROOM (WIDTH + 16) // … and what the last eight of a run may read beyond

typedef float v8 __attribute__((vector_size(32)));
typedef struct __attribute__((aligned(64))) {
	float fx[SIDE + SPAN], fy[SIDE + SPAN]; // how far behind the sample at or before it each pixel's position lies
	float out[4][SIDE + SPAN];
	float ring[RING][4][ROOM];
	int32_t ox[SIDE + 1], iy[SIDE + 1]; // the sample at or before the position, less the pixel's number in the tile's row; its row
	uint8_t ends[SIDE]; // a run ends with this pixel
	int32_t tag[RING]; // the row in each slot
	uint8_t bytes[3][ROOM];
	int left, width; // the columns of src that the ring holds
} smooth;

#define LOAD(v, p) memcpy(&(v), (p), sizeof(v))

// A homography's value at (x,y), as the definition has it; *r becomes 1/d.
RE_INLINE void project(const double *h, double x, double y, double *px, double *py, double *r) {
	*r = 1.0 / (h[6] * x + (h[7] * y + h[8]));
	*px = (h[0] * x + (h[1] * y + h[2])) * *r;
	*py = (h[3] * x + (h[4] * y + h[5])) * *r;
}

RE_INLINE int floor_int(double p) {
	int i = (int)p;
	return i - (p < i);
}

// Tells whether the tile at (x0,y0) with rows up to y1 is smooth, and where its columns of src begin.
// The map of a rectangle is a convex quadrilateral when d keeps its sign: the corners bound it.
RE_INLINE int is_smooth(const double *h, int x0, int y0, int y1, smooth *s) {
	double px[4], py[4], r[4], lo = 0x1p30, hi = -0x1p30;
	int ok = 1, positive = 0;
	for (int i = 0; i < 4; i++) {
		project(h, x0 + (i & 1) * SIDE, i & 2 ? y1 - 1 : y0, &px[i], &py[i], &r[i]);
		ok &= (px[i] > -0x1p24) & (px[i] < 0x1p24) & (py[i] > -0x1p24) & (py[i] < 0x1p24); // not NaN
		ok &= (h[6] * r[i] <= 1e-5) & (h[6] * r[i] >= -1e-5);
		positive += r[i] > 0.0;
		lo = px[i] < lo ? px[i] : lo;
		hi = px[i] > hi ? px[i] : hi;
	}
	if (!ok || (positive != 0 && positive != 4)) return 0;
	for (int i = 0; i < 4; i += 2) {
		double dx = px[i + 1] - px[i], dy = py[i + 1] - py[i];
		ok &= (dx >= 0.8 * SIDE) & (dx <= 1.25 * SIDE) & (dy >= 8 - RING) & (dy <= RING - 8);
	}
	s->left = floor_int(lo) - 2;
	s->width = floor_int(hi) + 4 - s->left;
	return ok && s->width <= WIDTH;
}

// 16 pixels from p to planes.
RE_INLINE void deinterleave16(const uint8_t *restrict p, uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b) {
	re_v16 x, y, z, a;
	memcpy(&x, p, 16);
	memcpy(&y, p + 16, 16);
	memcpy(&z, p + 32, 16);
	a = RE_SHUFFLE(x, y, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
	a = RE_SHUFFLE(a, z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
	memcpy(r, &a, 16);
	a = RE_SHUFFLE(x, y, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
	a = RE_SHUFFLE(a, z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
	memcpy(g, &a, 16);
	a = RE_SHUFFLE(x, y, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
	a = RE_SHUFFLE(a, z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
	memcpy(b, &a, 16);
}

// Row y of src, columns left … left+width, to its slot's planes, edges replicated.
RE_INLINE void hold(smooth *s, int f, int c, const char *src, size_t ss, int sw, int sh, int y) {
	if (s->tag[y & (RING - 1)] == y) return;
	s->tag[y & (RING - 1)] = y;
	float (*plane)[ROOM] = s->ring[y & (RING - 1)];
	int row = y < 0 ? 0 : y < sh ? y : sh - 1;
	int a = -s->left, b = sw - s->left; // columns [a,b) of the ring lie in src
	a = a < 0 ? 0 : a < s->width ? a : s->width - 1;
	b = b > s->width ? s->width : b > a ? b : a + 1;
	int first = s->left + a; // when none does, the one nearest
	first = first < sw ? first : sw - 1;
	first = first > 0 ? first : 0;
	int n = b - a;
#if defined(__GNUC__)
	size_t px = (size_t)c * (f == RE_U8 ? 1 : f == RE_U16 ? 2 : 4);
	const char *next = src + (size_t)row * ss + (size_t)(first + n) * px; // what the tile to the right will want of this row
	for (size_t i = 0; i < (size_t)n * px; i += 64) __builtin_prefetch(next + i);
#endif
	if (f == RE_U8) {
		const uint8_t *p = (const uint8_t *)(src + (size_t)row * ss) + (size_t)first * c;
		if (c == 3) {
			int i = 0;
			for (; i + 16 <= n; i += 16) deinterleave16(p + 3 * i, s->bytes[0] + i, s->bytes[1] + i, s->bytes[2] + i);
			if (n >= 16 && i < n) deinterleave16(p + 3 * (n - 16), s->bytes[0] + n - 16, s->bytes[1] + n - 16, s->bytes[2] + n - 16);
			else
				for (; i < n; i++)
					for (int k = 0; k < 3; k++) s->bytes[k][i] = p[3 * i + k];
			for (int k = 0; k < 3; k++)
				for (i = 0; i < n; i += 16) // up to 15 more than there are: what follows is not yet there or not used
					for (int j = 0; j < 16; j++) plane[k][a + i + j] = s->bytes[k][i + j];
		} else
			for (int k = 0; k < c; k++)
				for (int i = 0; i < n; i++) plane[k][a + i] = p[i * c + k];
	} else if (f == RE_U16) {
		const uint16_t *p = (const uint16_t *)(src + (size_t)row * ss) + (size_t)first * c;
		for (int k = 0; k < c; k++)
			for (int i = 0; i < n; i++) plane[k][a + i] = p[i * c + k];
	} else {
		const float *p = (const float *)(src + (size_t)row * ss) + (size_t)first * c;
		for (int k = 0; k < c; k++)
			for (int i = 0; i < n; i++) plane[k][a + i] = p[i * c + k];
	}
	for (int k = 0; k < c; k++) {
		for (int i = 0; i < a; i++) plane[k][i] = plane[k][a];
		for (int i = b; i < s->width; i++) plane[k][i] = plane[k][b - 1];
	}
}

// One coordinate between the nodes: first + (a + b·i + c·i·(i−SPAN)) + unit·i.
typedef struct { float a[NODES - 1], b[NODES - 1], c[NODES - 1]; int32_t first[NODES - 1]; } along;

RE_INLINE void spans_of(const double *restrict p, const double *restrict r, double h6, int unit, along *restrict s) {
	for (int k = 0; k < NODES - 1; k++) {
		double d = (p[k + 1] - p[k]) * (1.0 / SPAN);
		int32_t i = (int32_t)p[k];
		i -= p[k] < i;
		s->a[k] = (float)(p[k] - i);
		s->b[k] = (float)(d - unit);
		s->c[k] = (float)(-(h6 * r[k]) * d);
		s->first[k] = i - unit * k * SPAN;
	}
}

// The pixels of span k: the sample at or before each position, and how far behind it the position lies.
RE_INLINE void split(const along *restrict s, int k, float *restrict f, int32_t *restrict at) {
	float a = s->a[k], b = s->b[k], c = s->c[k];
	int32_t first = s->first[k];
	for (int i = 0; i < SPAN; i++) {
		float t = a + (b * (float)i + c * (float)(i * (i - SPAN)));
		int32_t n = (int32_t)t;
		n -= t < n;
		f[i] = t - n;
		at[i] = first + n;
	}
}

// Positions of the SIDE pixels from (x0,y), and valid for the first n of them.
RE_INLINE void place_smooth(const double *restrict h, int x0, int y, int n, int sw, int sh, smooth *restrict s, uint8_t *restrict valid) {
	double px[NODES], py[NODES], r[NODES];
	for (int k = 0; k < NODES; k++) project(h, x0 + k * SPAN, y, &px[k], &py[k], &r[k]);
	along ax, ay;
	spans_of(px, r, h[6], 1, &ax);
	spans_of(py, r, h[6], 0, &ay);
	for (int k = 0; k < NODES - 1; k++) split(&ax, k, s->fx + k * SPAN, s->ox + k * SPAN);
	for (int k = 0; k < NODES - 1; k++) split(&ay, k, s->fy + k * SPAN, s->iy + k * SPAN);
	s->ox[SIDE] = s->ox[SIDE - 1];
	s->iy[SIDE] = s->iy[SIDE - 1];
	for (int i = 0; i < SIDE; i++) s->ends[i] = (uint8_t)((s->ox[i] != s->ox[i + 1]) | (s->iy[i] != s->iy[i + 1]));
	if (!valid) return;
	double mx = sw - 1, my = sh - 1;
	for (int k = 0; k * SPAN < n; k++) {
		// Between two nodes the map is monotonic: only near src's border need its pixels be looked at.
		const double eps = 1e-3;
		double x1 = px[k] < px[k + 1] ? px[k] : px[k + 1], x2 = px[k] < px[k + 1] ? px[k + 1] : px[k];
		double y1 = py[k] < py[k + 1] ? py[k] : py[k + 1], y2 = py[k] < py[k + 1] ? py[k + 1] : py[k];
		int m = n - k * SPAN < SPAN ? n - k * SPAN : SPAN;
		uint8_t *v = valid + k * SPAN;
		if (x1 > eps && x2 < mx - eps && y1 > eps && y2 < my - eps) memset(v, 255, (size_t)m);
		else if (x2 < -eps || x1 > mx + eps || y2 < -eps || y1 > my + eps) memset(v, 0, (size_t)m);
		else for (int i = 0; i < m; i++) {
			double qx, qy, qr;
			project(h, x0 + k * SPAN + i, y, &qx, &qy, &qr);
			v[i] = (uint8_t)-((qx >= 0.0) & (qx <= mx) & (qy >= 0.0) & (qy <= my));
		}
	}
}

// Pixels [a,b) of a run of c channels; up to seven more are written.
RE_INLINE void sample_run(smooth *restrict s, int c, int a, int b) {
	int col = s->ox[a] + a - 1 - s->left, y = s->iy[a] - 1;
	float (*r0)[ROOM] = s->ring[y & (RING - 1)], (*r1)[ROOM] = s->ring[(y + 1) & (RING - 1)];
	float (*r2)[ROOM] = s->ring[(y + 2) & (RING - 1)], (*r3)[ROOM] = s->ring[(y + 3) & (RING - 1)];
	for (int i = a; i < b; i += 8, col += 8) {
		v8 t, u, w[4], d[4];
		LOAD(t, s->fx + i);
		LOAD(u, s->fy + i);
		KEYS(t, w);
		KEYS(u, d);
		for (int k = 0; k < c; k++) {
			v8 q[4];
			for (int j = 0; j < 4; j++) {
				v8 p0, p1, p2, p3;
				LOAD(p0, r0[k] + col + j);
				LOAD(p1, r1[k] + col + j);
				LOAD(p2, r2[k] + col + j);
				LOAD(p3, r3[k] + col + j);
				q[j] = ((d[0] * p0 + d[1] * p1) + (d[2] * p2 + d[3] * p3)) * w[j];
			}
			v8 v = (q[0] + q[2]) + (q[1] + q[3]);
			memcpy(s->out[k] + i, &v, sizeof v);
		}
	}
}

// The row's planes to n pixels of dst.
RE_INLINE void put_row(smooth *restrict s, int f, int c, void *restrict dst, int n) {
	if (f == RE_U8 && c == 3) {
		for (int k = 0; k < 3; k++)
			for (int i = 0; i < SIDE; i++) s->bytes[k][i] = (uint8_t)re_level(s->out[k][i], 255.0f);
		re_interleave3(s->bytes[0], s->bytes[1], s->bytes[2], dst, (size_t)n);
	} else if (c == 1) re_store_raw(f, s->out[0], 1.0f, dst, (size_t)n);
	else {
		float line[4 * SIDE];
		for (int k = 0; k < c; k++)
			for (int i = 0; i < SIDE; i++) line[i * c + k] = s->out[k][i];
		re_store_raw(f, line, 1.0f, dst, (size_t)(n * c));
	}
}

RE_INLINE void smooth_row(const double *h, int f, int c, void *dst, uint8_t *valid, const char *src, size_t ss, int sw, int sh, int x0, int y, int n, smooth *s) {
	place_smooth(h, x0, y, n, sw, sh, s, valid);
	int a = 0;
	while (a < n) {
		int b = a;
		for (;;) {
			uint64_t eight;
			if (b % 8 == 0 && b + 8 <= n && (memcpy(&eight, s->ends + b, 8), eight == 0)) b += 8;
			else if (b < n && !s->ends[b]) b++;
			else break;
		}
		b += b < n;
		for (int j = -1; j < 3; j++) hold(s, f, c, src, ss, sw, sh, s->iy[a] + j);
		if (c == 3) sample_run(s, 3, a, b);
		else if (c == 1) sample_run(s, 1, a, b);
		else sample_run(s, c, a, b);
		a = b;
	}
	put_row(s, f, c, dst, n);
}

#endif
