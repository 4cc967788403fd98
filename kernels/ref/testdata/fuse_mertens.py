"""Records OpenCV's MergeMertens on small photographs made by a formula: fuse_mertens.json.

python fuse_mertens.py > fuse_mertens.json      (opencv-python-headless 5.0, numpy)

OpenCV is handed RGB, so that its luma weighs red by 0.299 as this library does; a program that
hands it BGR gets the weights of red and blue exchanged.
"""
import json

import cv2
import numpy as np


def photo(i, w, h):
    """The same integers as testPhoto in fuse_mertens_test.go."""
    y, x, c = np.meshgrid(np.arange(h, dtype=np.int64), np.arange(w, dtype=np.int64), np.arange(3, dtype=np.int64), indexing="ij")
    noise = ((x * 73856093) ^ (y * 19349663) ^ (c * 83492791) ^ (i * 2654435)) % 13
    light = (x * 5 + y * 3 + c * 17) % 61 + 4 * ((x // 6 + y // 5) % 3) * 9 + noise
    window = (x * 3 > w) & (x * 3 < 2 * w) & (y * 2 < h)
    light = np.where(window, light * 6 + 90, light)
    return np.clip((light << (2 * i)) >> 2, 0, 255).astype(np.uint8)


def rounded(a):
    return [float("%.7g" % v) for v in np.asarray(a, np.float64).ravel()]


def weights(m, c, s, e):
    v = m.astype(np.float32) / 255
    contrast = np.abs(cv2.Laplacian(cv2.cvtColor(v, cv2.COLOR_RGB2GRAY), cv2.CV_32F)).astype(np.float64)
    saturation = np.sqrt(((v - v.mean(2, keepdims=True)) ** 2).sum(2))
    exposed = np.exp(-((v - 0.5) ** 2) / 0.08).prod(2)
    return contrast**c * saturation**s * exposed**e + 1e-12


cases = []
for w, h, n, exps in [
    (1, 1, 2, (1, 1, 1)),
    (2, 1, 2, (1, 1, 1)),
    (3, 5, 3, (1, 1, 1)),
    (8, 8, 3, (1, 1, 1)),
    (17, 13, 1, (1, 1, 1)),
    (17, 13, 3, (1, 1, 1)),
    (16, 21, 3, (0.5, 2, 1.5)),
    (33, 26, 3, (0, 1, 1)),
]:
    photos = [photo(i, w, h) for i in range(n)]
    fused = cv2.createMergeMertens(*exps).process([p.copy() for p in photos])
    cases.append(dict(w=w, h=h, n=n, exponents=exps, sum=[int(p.astype(np.int64).sum()) for p in photos],
                      weights=rounded(weights(photos[-1], *exps)), fused=rounded(fused)))
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
