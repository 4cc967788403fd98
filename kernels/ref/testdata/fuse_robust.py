#!/usr/bin/env python3
"""Records fuse_robust.json beside itself (opencv-python-headless 5.0, scipy, numpy): small merges by an implementation of docs/merge.md in NumPy, OpenCV and SciPy.

Plain arrays, whole planes, library calls for what libraries have (erosion, Gaussian blur, separable
filters, spline sampling); it shares no code with the Go and C ones.
"""
import json
import os

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

K = 256  # levels of every 1-D table
X = (np.arange(K) + 0.5) / K
LUMA = np.array([19595, 38470, 7471]) / 65536
NZ = 24


def smooth(t, s):
    r = int(4 * s + 0.5)
    return cv2.GaussianBlur(np.atleast_2d(t).astype(np.float64), (2 * r + 1, 1), s, borderType=cv2.BORDER_REPLICATE)


def lut(t, v):
    return np.interp(v * K - 0.5, np.arange(K), t)


def transfers(lumas, scene, ok):
    """Local-linear regression of each photo's luma on the scene level, sigma 4 levels, monotone."""
    idx = (scene[ok] * 65535).astype(int) >> 8
    cnt = np.bincount(idx, minlength=K).astype(float)
    ker = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
    same = lambda v: np.convolve(v, ker, "full")[12:-12]
    a = [same(cnt * X**k) for k in range(3)]
    den = a[0] * a[2] - a[1] ** 2
    good = a[0] >= 1
    ok_slope = good & (den > 1e-9 * a[0] ** 2)
    out = []
    for y in lumas:
        s = np.bincount(idx, weights=y[ok], minlength=K)
        b = [same(s * X**k) for k in range(2)]
        sl = np.where(ok_slope, (a[0] * b[1] - a[1] * b[0]) / np.where(ok_slope, den, 1), 0)
        v = (b[0] - sl * a[1]) / np.maximum(a[0], 1e-6) + sl * X
        v = np.interp(X, X[good], v[good])
        out.append(np.maximum.accumulate(np.clip(v, 0, 1)))
    return np.array(out)


def need(scene):
    h = np.zeros(K)
    for r in (5, 10, 20):
        k = np.ones((2 * r + 1, 2 * r + 1))
        lo, hi = [((f(scene, k) * 65535).astype(int) >> 8) for f in (cv2.erode, cv2.dilate)]
        n = 1.0 / (hi - lo + 1)
        h += np.cumsum(np.bincount(lo.ravel(), n.ravel(), K + 1)[:K] - np.bincount(hi.ravel() + 1, n.ravel(), K + 1)[:K])
    h = np.sqrt(np.maximum(h, 0) / h.sum() + 1e-7)
    return h / h.sum()


def tone(h, best):
    rho = np.linspace(0, 1, 200001)
    fp = 2 * (1 - rho**2) / (1 + rho**2) ** 2
    lo, hi = 1e-12, 1e6
    for _ in range(100):
        c = np.sqrt(lo * hi)
        r = np.maximum(np.interp(-c * best / h, -fp, rho), 0.05)
        s = (r * best).sum() / K
        lo, hi = (c, hi) if s > 1 else (lo, c)
    r = r * min(1, 1 / s)
    T = np.cumsum(r * best) / K
    T = T - 0.5 * T[0]
    return r, T + max(0, (1 - T[-1]) / 2)


def lift(r, T, best, scene):
    """Mixes the scene level itself into a tone that would leave the picture dark."""
    p = np.bincount((scene * 65535).astype(int).ravel() >> 8, minlength=K) / scene.size
    mean, plain = (p * T).sum(), (p * X).sum()
    if mean >= 0.36 or plain <= mean:
        return r, T
    b = min(1, (0.36 - mean) / (plain - mean))
    return np.minimum(1, (1 - b) * r + b / best), (1 - b) * T + b * X


def base(U, G16, T, R):
    """Tukey-bilateral mean of U on cells of R/4, tent of half-width R, trilinear sampling."""
    H, W = U.shape
    s = max(2, R // 4)
    gh, gw = -(-H // s), -(-W // s)
    n = np.zeros((gh, gw, NZ))
    v = np.zeros((gh, gw, NZ))
    z = np.arange(NZ) / (NZ - 1.0)
    for y in range(H):
        for x in range(W):
            t = T[G16[y, x] >> 8]
            q = np.maximum(1 - ((t - z) / 0.38) ** 2, 0) ** 2
            n[y // s, x // s] += q
            v[y // s, x // s] += q * t
    k = np.array([1, 2, 3, 4, 3, 2, 1.0]) / 16
    bl = lambda a: np.stack([cv2.sepFilter2D(np.ascontiguousarray(a[..., i]), -1, k, k, borderType=cv2.BORDER_CONSTANT) for i in range(NZ)], 2)
    n, v = bl(n), bl(v)
    B = (v + 1e-3 * z) / (n + 1e-3)
    yy, xx = np.mgrid[0:H, 0:W]
    at = [np.clip((yy + 0.5) / s - 0.5, 0, gh - 1), np.clip((xx + 0.5) / s - 0.5, 0, gw - 1), np.clip(U * (NZ - 1), 0, NZ - 1)]
    return map_coordinates(B, at, order=1, mode="nearest")


def box(v, r):
    """Mean over the part of the (2r+1)^2 window that lies within the picture."""
    total = lambda a: cv2.boxFilter(a, cv2.CV_64F, (2 * r + 1, 2 * r + 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return total(np.asarray(v, np.float64)) / total(np.ones(v.shape))


def contrast(Y, y, whole, r, edge, noise):
    """Y with the best photos' contrast in windows of half-width r, windows that hold an edge counting little. Pictures below 2000 pixels: nothing is reduced."""
    stat = lambda v: (box(v, r), np.sqrt(np.maximum(box(v * v, r) - box(v, r) ** 2, 0)))
    m, c = stat(Y)
    mi, e = map(np.array, zip(*[stat(v) for v in y]))
    e = np.where([box(v, r) > 1 - 1e-9 for v in whole], e, 0)
    most = e.max(0)
    trust = most**2 / (most**2 + noise**2)
    w = ((e + 1e-4) / (most + 1e-4)) ** 8
    a = w / w.sum(0) * trust * np.minimum(most, 2 * (c + 2 / 255)) / (e + 0.001)
    t = 1 / (1 + (c / edge) ** 5)
    n = 1 / (box(t, r) + 0.0003)
    mean = np.clip(n * (box(t * m, r) + 0.0003 * Y), 0, 0.985)
    d = n * (box(t * (trust * m - (a * mi).sum(0)), r) + (box(t * (1 - trust), r) + 0.0003) * Y) - mean
    for ai, yi, v in zip(a, y, whole):
        d = d + np.where(v > 0, n * box(t * ai, r) * yi, 0)
    room = np.maximum(np.where(d > 0, 0.985 - mean, 0.92 * mean), 1e-4)
    return mean + d / (1 + (d / room) ** 4) ** 0.25


def merge(photos, valid=None):
    """8-bit RGB photos to an RGB picture in 0..1; valid: one 8-bit plane per photo."""
    keep = [i for i, p in enumerate(photos) if ((p.max(2) >= 0.99 * 255) | (p.max(2) <= 0.01 * 255)).mean() <= 0.98]
    photos = [photos[i] for i in keep]
    valid = valid and [valid[i] for i in keep]
    n = len(photos)
    H, W = photos[0].shape[:2]
    I = [p / 255.0 for p in photos]
    y = [np.floor(p @ LUMA * 257 + 0.5) / 65535 for p in photos]
    V = np.full((n, H, W), 255.0) if valid is None else np.array(valid, float)
    V[:, V.max(0) == 0] = 255
    part = V.min(0) < 255
    G = np.mean(y, 0)
    S = np.floor(G * 65535 + 1e-9) / 65535
    P = transfers(y, S, ~part if not part.all() else part)
    sl = np.maximum(np.gradient(smooth(P, 2.5), axis=1) * K, 0)
    num = np.zeros((H, W))
    den = np.zeros((H, W))
    for i in range(n):
        g = np.interp(y[i], P[i] + 1e-6 * X, X)
        c = (lut(sl[i], g) + 1e-4) * V[i]
        num += c * g
        den += c
    m = V.min(0) / 255
    G = np.floor(65535 * np.where(part, m * G + (1 - m) * num / den, G) + 0.5) / 65535
    G16 = np.rint(G * 65535).astype(int)

    best = np.maximum(sl.max(0), 1e-3)
    r, T = lift(*tone(need(S), best), best, S)
    F = np.cumsum(np.minimum(1 / np.maximum(smooth(r, 3)[0], 1e-3), 5) * np.gradient(T))
    w = (sl / best + 1e-2) ** 4 * np.exp(-((P - T) ** 2) / (2 * 0.15**2)) + 1e-6 * np.exp(-20 * np.abs(P - T))
    w = smooth(w / w.sum(0), 4)
    w /= w.sum(0)

    U = lut(T, G)
    B = base(U, G16, T, max(8, max(H, W) // 16))
    law = lambda v: np.interp(v, T, F)
    d = -0.25 * (U - B) + 1.25 * (lut(F, G) - law(B))
    Bo = 0.5 + 0.97 * (B - 0.5)
    Bo = Bo - 0.6 * np.maximum(Bo - 0.7, 0)
    room = np.maximum(np.where(d > 0, 0.985 - Bo, Bo), 1e-4)
    Y = np.clip(Bo + np.sign(d) * np.abs(d) / (1 + (np.abs(d) / room) ** 3) ** (1 / 3), 0, 0.985)
    whole = (V == 255).astype(float)
    Y = contrast(Y, y, whole, 24, 0.045, 5 / 255)
    Y = contrast(Y, y, whole, 7, 0.04, 8 / 255)

    wi = np.array([lut(w[i], (np.floor(G16 / 16) + 0.5) / 4096) for i in range(n)])
    wi = np.where(wi < wi.sum(0) / 512, 0, wi)
    wi = np.where(part, (wi + 1 / 32768 / 32) * V, wi)
    C = (wi[..., None] * np.array(I)).sum(0) / wi.sum(0)[..., None]
    YC = C @ np.array([0.299, 0.587, 0.114])
    k = np.minimum((Y + 0.03) / (YC + 0.03), 2)
    k = np.minimum(k, np.minimum((0.99 - Y) / np.maximum(C.max(2) - YC, 1e-4), Y / np.maximum(YC - C.min(2), 1e-4)))
    return Y[..., None] + (C - YC[..., None]) * k[..., None]


def photo(i, w, h):
    """The same formula as testPhoto in fuse_mertens_test.go."""
    p = np.zeros((h, w, 3), np.uint8)
    for y in range(h):
        for x in range(w):
            for c in range(3):
                noise = ((x * 73856093) ^ (y * 19349663) ^ (c * 83492791) ^ (i * 2654435)) % 13
                light = (x * 5 + y * 3 + c * 17) % 61 + 4 * ((x // 6 + y // 5) % 3) * 9 + noise
                if x * 3 > w and x * 3 < 2 * w and y * 2 < h:
                    light = light * 6 + 90
                p[y, x, c] = min(255, light << (2 * i) >> 2)
    return p


def claim(i, w, h):
    """Validity of photo i: a ramp at its left border; photo 1 alone at the lower right corner."""
    p = np.zeros((h, w), np.uint8)
    for y in range(h):
        for x in range(w):
            v = min(255, 60 * max(0, x - i))
            if 3 * x > 2 * w and 2 * y > h and i != 1:
                v = 0
            p[y, x] = v
    return p


def main():
    cases = []
    for w, h, n, masked in ((23, 17, 2, False), (30, 19, 4, False), (36, 25, 3, True), (5, 3, 3, False), (70, 9, 3, False)):
        photos = [photo(i, w, h) for i in range(n)]
        valid = [claim(i, w, h) for i in range(n)] if masked else None
        out = merge(photos, valid)
        cases.append(dict(W=w, H=h, N=n, Masked=masked, Sum=[int(p.sum()) for p in photos], Fused=[round(float(v), 4) for v in out.ravel()]))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuse_robust.json"), "w") as f:
        json.dump(cases, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
