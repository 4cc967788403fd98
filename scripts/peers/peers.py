"""The peers' side of one row: peers.py DATA ROW [--shipped] [--reps N].

The pictures are in memory before the clock starts. scripts/bench_peers.sh runs this with page faults tuned
away (GLIBC_TUNABLES), but for --shipped, which only says that it did not."""
import argparse
import json
import os

import cv2
import numpy as np

from common import THREADS, emit, read_ppm, timed, write_ppm

EVS = {2: [-2, 2], 5: [-4, -2, 0, 2, 4], 9: list(range(-4, 5))}
TILE, OVERLAP = 768, 64


def mertens(a, n):
    # RGB, so that its luma weighs red by 0.299: it converts with COLOR_RGB2GRAY whatever it is handed.
    photos = [read_ppm(f"{a.data}/ev{e}.ppm") for e in EVS[n]]
    merge = cv2.createMergeMertens(1, 1, 1)
    fused, out = timed(a.row, "cv2 MergeMertens" + (" as shipped" if a.shipped else ""), lambda: merge.process(photos),
                       a.reps or 3, warm=not a.shipped, side="shipped" if a.shipped else "peer")
    if not a.shipped:
        for y in range(0, len(fused), 256):  # rounded half up, as the library does
            np.clip(np.floor(fused[y:y + 256] * 255 + 0.5), 0, 255, out=fused[y:y + 256])
        write_ppm(f"{a.data}/peer_{a.row}.ppm", fused.astype(np.uint8))
    emit(out)


def pair(a):
    return read_ppm(f"{a.data}/ev0.ppm"), read_ppm(f"{a.data}/retouched.ppm")


def ssim_opencv(a):
    one, two = pair(a)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def blur(m):
        return cv2.GaussianBlur(m, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)

    def channel(x, y):
        x, y = x.astype(np.float32), y.astype(np.float32)
        mx, my = blur(x), blur(y)
        vx, vy, cov = blur(x * x), blur(y * y), blur(x * y)
        mxx, myy, mxy = mx * mx, my * my, mx * my
        s = (2 * mxy + c1) * (2 * (cov - mxy) + c2) / ((mxx + myy + c1) * (vx + vy - mxx - myy + c2))
        return s[5:-5, 5:-5].mean(dtype=np.float64)

    def work():
        return float(np.mean([channel(one[..., c], two[..., c]) for c in range(3)]))

    r, out = timed(a.row, "OpenCV blurs", work, a.reps or 5)
    emit(out, {"ssim": r})


def ssim_skimage(a):
    from skimage.metrics import structural_similarity
    one, two = pair(a)

    def work():
        return float(structural_similarity(one, two, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255))

    r, out = timed(a.row, "scikit-image", work, a.reps or 3, warm=False)
    emit(out, {"ssim": r})


def deltae(a):
    from skimage.color import deltaE_ciede2000, rgb2lab
    one, two = pair(a)
    d = np.empty(one.shape[:2], np.float32)

    def work():
        for y in range(0, len(d), 256):
            d[y:y + 256] = deltaE_ciede2000(rgb2lab(one[y:y + 256]), rgb2lab(two[y:y + 256]))
        return {"mean": float(d.mean(dtype=np.float64)), "p95": float(np.percentile(d, 95)), "max": float(d.max())}

    r, out = timed(a.row, "scikit-image in bands of 256 rows", work, a.reps or 3, warm=False)
    emit(out, r)


def match(a):
    from skimage.exposure import match_histograms
    end = "_16.ppm" if a.row == "match-u16" else ".ppm"
    src, ref = read_ppm(f"{a.data}/ev0{end}"), read_ppm(f"{a.data}/ev2{end}")
    r, out = timed(a.row, "scikit-image match_histograms", lambda: match_histograms(src, ref, channel_axis=2), a.reps or 5)
    write_ppm(f"{a.data}/peer_{a.row}.ppm", r)
    emit(out)


def starts(n):
    s = [0]
    while s[-1] + TILE < n:
        s.append(min(s[-1] + TILE - OVERLAP, n - TILE))
    return s


def feather(a):
    whole = read_ppm(f"{a.data}/ev0.ppm")
    h, w, _ = whole.shape
    at = [(y, x) for y in starts(h) for x in starts(w)]
    tiles = [whole[y:y + TILE, x:x + TILE].astype(np.float32) / np.float32(255) * np.float32(1 - 0.01 * (i % 7)) for i, (y, x) in enumerate(at)]
    del whole
    ramp = np.minimum(np.arange(TILE) + 1, OVERLAP + 1) / (OVERLAP + 1)
    ramp = np.minimum(ramp, ramp[::-1])
    weight = np.outer(ramp, ramp).astype(np.float32)[..., None]

    def work():
        total, weights = np.zeros((h, w, 3), np.float32), np.zeros((h, w, 1), np.float32)
        buffer = np.empty((TILE, TILE, 3), np.float32)
        for (y, x), t in zip(at, tiles):
            total[y:y + TILE, x:x + TILE] += np.multiply(t, weight, out=buffer)
            weights[y:y + TILE, x:x + TILE] += weight
        return np.divide(total, weights, out=total)

    r, out = timed(a.row, "numpy", work, a.reps or 5)
    r.tofile(f"{a.data}/peer_feather.f32")
    emit(out, {"tiles": len(tiles)})


def align(a):
    folder = f"{a.data}/{a.row.removeprefix('align-')}"
    photos = [cv2.imread(f"{folder}/{n}") for n in sorted(os.listdir(folder))]
    aligned = [np.empty_like(p) for p in photos]
    mtb = cv2.createAlignMTB(6, 4, False)
    _, out = timed(a.row, "cv2 AlignMTB (shifts only)", lambda: mtb.process(photos, aligned), a.reps or 5)
    with open(f"{a.data}/truth.json") as f:
        t = json.load(f)
    maps = np.array(t["Shift" if a.row == "align-shift" else "Shake"]).reshape(-1, 3, 3)
    grey = [cv2.cvtColor(p, cv2.COLOR_BGR2GRAY) for p in photos]
    w, h = t["Width"], t["Height"]
    corners = np.array([[0, 0, 1], [w - 1, 0, 1], [0, h - 1, 1], [w - 1, h - 1, 1]], float).T
    worst = 0.0
    for m, g in zip(maps, grey):
        true = m @ corners
        dx, dy = mtb.calculateShift(grey[len(grey) // 2], g)
        found = corners[:2] - np.array([[dx], [dy]])  # where the photo shows the reference's corners
        worst = max(worst, float(np.hypot(*(true[:2] / true[2] - found)).max()))
    emit(out, {"corner_px": worst})


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data")
    p.add_argument("row")
    p.add_argument("--shipped", action="store_true")
    p.add_argument("--reps", type=int, default=0)
    a = p.parse_args()
    cv2.setNumThreads(THREADS)
    kind = a.row.split("-")[0]
    if kind == "mertens":
        mertens(a, int(a.row.split("-")[1]))
    else:
        {"ssim-opencv": ssim_opencv, "ssim-skimage": ssim_skimage, "deltae": deltae, "match-u8": match, "match-u16": match, "feather": feather,
         "align-shift": align, "align-shake": align}[a.row](a)


main()
