"""Records what scikit-image, OpenCV and scipy compute, for pixels_test.go.

    pip install opencv-python-headless scikit-image scipy numpy
    python pixels.py > pixels.json

The inputs come from sample(), which pixels_test.go has in Go.
"""
import json
import cv2, numpy as np, skimage
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.exposure import match_histograms
from skimage.metrics import structural_similarity


def sample(w, h, c, seed, top):
    """Shading, an edge and noise, in integers; float images divide by 65535."""
    y, x, k = np.mgrid[0:h, 0:w, 0:c].astype(np.int64)
    n = (x * 73856093 ^ y * 19349663 ^ (k + seed * 7) * 83492791) >> 5
    v = x * 1021 + y * 613 + k * 9000 + (n & 4095) + np.where(x > w // 2, 21000, 0)
    v = np.clip(v, 0, 65535)
    return (v >> 8).astype(np.uint8) if top == 255 else v.astype(np.uint16) if top == 65535 else (v / 65535).astype(np.float32)


def other(a, seed):
    """A brighter, noisier version of a."""
    h, w, c = a.shape
    n = sample(w, h, c, seed, 65535).astype(np.int64) & 2047
    if a.dtype == np.uint8:
        return np.clip(a.astype(np.int64) * 9 // 10 + 20 + (n >> 7), 0, 255).astype(np.uint8)
    if a.dtype == np.uint16:
        return np.clip(a.astype(np.int64) * 9 // 10 + 5000 + n, 0, 65535).astype(np.uint16)
    return (a * np.float32(0.875) + (n.astype(np.float32) / np.float32(16384))).astype(np.float32)


def rounded(v, digits=9):
    return [float(f"%.{digits}g" % x) for x in np.asarray(v, np.float64).ravel()]


def ssim_small(a, b, top):
    """The same formula by scipy, for sides under 11: scikit-image takes none; means over all pixels."""
    g = lambda z: ndimage.gaussian_filter(z, 1.5, truncate=3.5, mode="reflect", axes=(0, 1))
    x, y = a.astype(np.float64) / top, b.astype(np.float64) / top
    mx, my = g(x), g(y)
    vx, vy, vxy = g(x * x) - mx * mx, g(y * y) - my * my, g(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))


out = {"versions": {"opencv": cv2.__version__, "skimage": skimage.__version__, "numpy": np.__version__}, "ssim": [], "match": []}
for w, h, c, top in [(23, 19, 3, 255), (23, 19, 3, 65535), (23, 19, 3, 1), (11, 11, 1, 255), (40, 12, 1, 65535), (7, 5, 3, 255), (1, 1, 1, 65535), (3, 20, 1, 1), (13, 10, 4, 255)]:
    a = sample(w, h, c, 1, top); b = other(a, 2)
    m = None
    if min(w, h) >= 11:
        A, B = a.astype(np.float64), b.astype(np.float64)
        mean, m = structural_similarity(A, B, data_range=top, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, full=True)
    else:
        m = ssim_small(a, b, top)
        y0, x0 = 5 if h > 10 else 0, 5 if w > 10 else 0
        mean = m[y0:h - y0, x0:w - x0].mean()
    out["ssim"].append({"w": w, "h": h, "c": c, "max": top, "mean": float(mean), "map": rounded(m)})

for w, h, rw, rh, c, top in [(31, 17, 20, 29, 3, 255), (31, 17, 20, 29, 3, 65535), (64, 48, 64, 48, 3, 255), (9, 1, 1, 1, 3, 65535)]:
    a = sample(w, h, c, 1, top); r = other(sample(rw, rh, c, 3, top), 4)
    out["match"].append({"w": w, "h": h, "rw": rw, "rh": rh, "c": c, "max": top, "out": match_histograms(a, r, channel_axis=2).ravel().tolist()})

a = sample(20, 16, 3, 1, 255); b = other(a[:, ::-1], 2)
d = deltaE_ciede2000(rgb2lab(a), rgb2lab(b))
out["deltae"] = {"w": 20, "h": 16, "map": rounded(d), "mean": float(d.mean()), "p95": float(np.percentile(d, 95)), "max": float(d.max())}

p = sample(21, 15, 1, 1, 1)[..., 0].astype(np.float64)
out["gradient"] = {"w": 21, "h": 15, "dx": rounded(cv2.Sobel(p, cv2.CV_64F, 1, 0) / 8), "dy": rounded(cv2.Sobel(p, cv2.CV_64F, 0, 1) / 8)}

def box(z, r):
    f = lambda v: ndimage.uniform_filter(v, 2 * r + 1, mode="constant")
    return f(z) / f(np.ones_like(z))

i, q = sample(26, 18, 1, 1, 1)[..., 0].astype(np.float64), other(sample(26, 18, 1, 1, 1), 5)[..., 0].astype(np.float64)
for r in (2, 30):
    A = (box(i * q, r) - box(i, r) * box(q, r)) / (box(i * i, r) - box(i, r) ** 2 + 1e-3)
    B = box(q, r) - A * box(i, r)
    out[f"guided{r}"] = {"w": 26, "h": 18, "box": rounded(box(i, r)), "out": rounded(box(A, r) * i + box(B, r))}
print(json.dumps(out, separators=(",", ":")))
