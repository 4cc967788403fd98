"""Values of OpenCV, scikit-image, Pillow and numpy that geometry_test.go compares the reference with.

python3 -m venv env && env/bin/pip install opencv-python-headless scikit-image pillow numpy
env/bin/python kernels/ref/testdata/geometry.py   # rewrites geometry.json, fancy.jpg and fancy.png beside it
"""
import json, os
import cv2, numpy as np
from PIL import Image
from skimage import color, transform

here = os.path.dirname(os.path.abspath(__file__))


def formula(w, h, c):
    """The input of every case; geometry_test.go has the same formula."""
    y, x, k = np.mgrid[0:h, 0:w, 0:c]
    return ((x * 37 + y * 91 + k * 53 + x * y * 7 + (x // 5) * (y // 3) * 40) % 256).astype(np.uint8)


def unit(a):
    return a.astype(np.float32) / np.float32(255)


def flat(a):
    return [round(float(v), 7) for v in np.asarray(a).ravel()]


out = {"versions": {"opencv": cv2.__version__, "skimage": __import__("skimage").__version__, "pillow": __import__("PIL").__version__}}

out["resize"] = []
for (w, h, c), (dw, dh) in [((12, 8, 3), (6, 4)), ((12, 9, 1), (4, 3)), ((13, 11, 3), (5, 7)), ((17, 5, 1), (16, 2)), ((9, 7, 3), (9, 3))]:
    r = cv2.resize(unit(formula(w, h, c)), (dw, dh), interpolation=cv2.INTER_AREA)
    out["resize"].append({"what": "INTER_AREA", "src": [w, h, c], "dst": [dw, dh], "values": flat(r)})
for (w, h, c), (dw, dh) in [((5, 4, 3), (11, 9)), ((3, 7, 1), (6, 14))]:
    r = cv2.resize(unit(formula(w, h, c)), (dw, dh), interpolation=cv2.INTER_LINEAR)
    out["resize"].append({"what": "INTER_LINEAR", "src": [w, h, c], "dst": [dw, dh], "values": flat(r)})

out["pyrdown"], out["pyrup"] = [], []
for w, h, c in [(12, 8, 3), (13, 9, 1), (3, 2, 1), (7, 5, 3)]:
    out["pyrdown"].append({"src": [w, h, c], "values": flat(cv2.pyrDown(unit(formula(w, h, c))))})
for (w, h, c), (dw, dh) in [((6, 4, 3), (12, 8)), ((5, 3, 1), (9, 5)), ((4, 3, 3), (8, 5)), ((2, 2, 1), (3, 4))]:
    out["pyrup"].append({"src": [w, h, c], "dst": [dw, dh], "values": flat(cv2.pyrUp(unit(formula(w, h, c)), dstsize=(dw, dh)))})

out["warp"] = []
for name, m in {
    "affine": [0.9, -0.2, 2.3, 0.15, 1.1, -1.7, 0, 0, 1],
    "homography": [1.05, 0.1, -1.2, -0.08, 0.95, 0.6, 0.004, -0.003, 1],
    "shift": [1, 0, 2, 0, 1, -1, 0, 0, 1],
    "half": [1, 0, 0.5, 0, 1, 0.25, 0, 0, 1],
}.items():
    w, h = 14, 11
    img = formula(w, h, 1)[:, :, 0].astype(np.float64) / 255
    r = transform.warp(img, np.array(m, np.float64).reshape(3, 3), order=3, mode="edge", clip=False, preserve_range=True, output_shape=(h, w))
    out["warp"].append({"what": name, "src": [w, h, 1], "h": m, "values": flat(r)})

# The ramp of anchors-style numpy assembly, with the outer edges left at full weight: full weight at distance ≥ overlap.
W, H, T, OV = 40, 30, 18, 5
pos = lambda n: sorted({min(i * (T - OV), n - T) for i in range(n)})
acc, ws, tiles = np.zeros((H, W, 3)), np.zeros((H, W)), []
for ty in pos(H):
    for tx in pos(W):
        t = formula(T + tx, T + ty, 3)[ty:, tx:].astype(np.float64) / 255
        t = np.mod(t + 0.01 * len(tiles), 1)
        up = np.minimum(np.arange(1, T + 1) / (OV + 1), 1)
        def ramp(lo, n):
            r = np.ones(T)
            if lo > 0: r = np.minimum(r, up)
            if lo + T < n: r = np.minimum(r, up[::-1])
            return r
        wt = np.outer(ramp(ty, H), ramp(tx, W))
        acc[ty:ty + T, tx:tx + T] += t * wt[..., None]; ws[ty:ty + T, tx:tx + T] += wt
        tiles.append([tx, ty])
out["feather"] = {"size": [W, H], "side": T, "overlap": OV, "tiles": tiles, "values": flat((acc / ws[..., None])[::3, ::3])}

v = np.linspace(0, 1, 23)
lin = color.rgb2xyz(np.stack([v] * 3, -1)[None])[0, :, 1] / color.rgb2xyz(np.ones((1, 1, 3)))[0, 0, 1]
out["srgb"] = {"encoded": flat(v), "linear": flat(lin)}

# A 4:2:0 JPEG of odd size, and libjpeg-turbo's own decoding of it (fancy upsampling).
y, x = np.mgrid[0:45, 0:61]
rgb = np.stack([127 + 120 * np.sin(x / 5), 127 + 120 * np.cos(y / 4 + x / 9), 255.0 * ((x // 9 + y // 7) % 2)], -1)
jpg = os.path.join(here, "fancy.jpg")
Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8)).save(jpg, quality=92, subsampling="4:2:0")
Image.open(jpg).convert("RGB").save(os.path.join(here, "fancy.png"), optimize=True)

with open(os.path.join(here, "geometry.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
