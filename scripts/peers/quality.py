"""quality.py BRACKETS WORK [SET...]: MEF-SSIM of -route fuse, of OpenCV and of enfuse on brackets of photographs,
and what they make of a rendered window.

Sets from a tripod are scored against the photos as they are. Hand-held sets are scored against photos
registered to each RESULT by ECC (Evangelidis, Psarakis 2008; cv2.findTransformECC), since raw photos punish
whoever aligns; register() is that tool. WORK holds the built peerbench and listing commands."""
import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np

from common import log

STILL = ["matlab_office", "fusion_house", "fusion_room", "mpi_exposures", "lamp_stack", "memorial"]
HAND_HELD = ["crusader", "fmurciag", "pingpong"]


def photos_of(folder):
    return [f"{folder}/{n}" for n in sorted(os.listdir(folder)) if n.lower().endswith((".jpg", ".jpeg", ".png"))]


def run(*command):
    r = subprocess.run(command, capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f"{command[0]}: {r.returncode}: {r.stderr.strip()[-300:]}")
    return r.stdout


def score(work, fused, photos):
    return json.loads(run(f"{work}/peerbench", "mefssim", "-fused", fused, *photos))["score"]


def save(path, bgr):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    cv2.imwrite(path, bgr)
    return path


def ours(work, name, folder, photos):
    """The command's own result; a copy of the folder without what is no photo keeps other files out of it."""
    source, out = f"{work}/quality/in/{name}", f"{work}/quality/ours/{name}"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(source)
    for p in photos:
        shutil.copy(p, source)
    run(f"{work}/listing", "-q", "-route", "fuse", "-sets", "folder", "-format", "png", "-out", out, source)
    with open(f"{out}/batch.json") as f:
        return f"{out}/{json.load(f)['sets'][0]['file']}"


def ours_alone(work, path, photos):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    run(f"{work}/peerbench", "fuse", "-out", path, *photos)
    return path


def opencv(path, photos, align):
    images = [cv2.cvtColor(cv2.imread(p), cv2.COLOR_BGR2RGB) for p in photos]
    if align:
        cv2.createAlignMTB().process(images, images)
    fused = cv2.createMergeMertens(1, 1, 1).process(images)
    return save(path, np.clip(fused * 255 + 0.5, 0, 255).astype(np.uint8)[..., ::-1])


def enfuse(path, photos, align):
    tif = path.removesuffix(".png") + ".tif"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if align:
        prefix = path.removesuffix(".png") + "-aligned-"
        run("align_image_stack", "-a", prefix, *photos)
        photos = sorted(os.path.join(os.path.dirname(path), n) for n in os.listdir(os.path.dirname(path)) if n.startswith(os.path.basename(prefix)))
    run("enfuse", "-o", tif, *photos)
    return save(path, cv2.imread(tif)[..., :3])


def border(photos):
    """The rectangle inside borders of pure blue (the memorial set has them): rows, columns."""
    inside = np.ones(cv2.imread(photos[0]).shape[:2], bool)
    for p in photos:
        b, g, r = cv2.split(cv2.imread(p))
        inside &= ~((b > 250) & (g < 5) & (r < 5))
    rows, columns = np.flatnonzero(inside.mean(1) > 0.5), np.flatnonzero(inside.mean(0) > 0.5)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def expected(photo, like, sure):
    """like's levels turned into the photo's, by the photo's mean at each level: so that ECC compares one exposure with itself."""
    n = np.bincount(like[sure], minlength=256) + 1e-9
    mean = np.bincount(like[sure], photo[sure].astype(np.float64), minlength=256) / n
    seen = np.flatnonzero(n >= 1)
    if len(seen) < 2:
        return like
    return np.maximum.accumulate(np.interp(np.arange(256), seen, mean[seen])).astype(np.float32)[like]


def agreement(result, photo, sure, h):
    """Correlation of the photo, moved by h, with what the result lets expect there, over pixels the photo resolves."""
    size = (result.shape[1], result.shape[0])
    there = cv2.warpPerspective(photo, h, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    known = cv2.warpPerspective(sure, h, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
    if known.sum() < 0.5 * sure.astype(bool).sum():
        return -1.0  # most of it has left the picture
    return float(np.corrcoef(expected(there, result, known)[known], there[known])[0, 1])


def register(result, photo):
    """The homography from the result's pixels to the photo's, and the correlation reached. Grey u8, any exposures.

    From the better of no movement and a shift by median threshold bitmaps, ECC refines shift, affine and
    homography from coarse to fine (to a longer side of about 1000 pixels) over pixels that the photo
    resolves, exposure matched anew in between. A step that lowers the correlation is taken back."""
    dx, dy = cv2.createAlignMTB(max_bits=7).calculateShift(result, photo)
    starts, h = [np.eye(3), np.array([[1, 0, -dx], [0, 1, -dy], [0, 0, 1]], np.float64)], None
    finest = max(1, round(max(result.shape) / 1000))
    for step in [s for s in (8 * finest, 4 * finest, 2 * finest, finest) if min(result.shape) // s >= 60]:
        size = (result.shape[1] // step, result.shape[0] // step)
        small, seen = cv2.resize(result, size, interpolation=cv2.INTER_AREA), cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        scale = np.diag([size[0] / result.shape[1], size[1] / result.shape[0], 1])
        sure = cv2.erode(((seen > 4) & (seen < 251)).astype(np.uint8), np.ones((5, 5), np.uint8))
        if h is None:
            h = max(starts, key=lambda h: agreement(small, seen, sure, scale @ h @ np.linalg.inv(scale)))
        g = scale @ h @ np.linalg.inv(scale)
        best = agreement(small, seen, sure, g)
        for motion in (cv2.MOTION_TRANSLATION, cv2.MOTION_AFFINE, cv2.MOTION_HOMOGRAPHY):
            there = cv2.warpPerspective(seen, g, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            known = cv2.warpPerspective(sure, g, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
            start = g.astype(np.float32) if motion == cv2.MOTION_HOMOGRAPHY else (g[:2] / g[2, 2]).astype(np.float32)
            try:
                _, m = cv2.findTransformECC(expected(there, small, known), seen.astype(np.float32), start, motion,
                                            (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-5), sure, 5)
            except cv2.error:
                continue  # nothing to hold on to on this level
            m = m.astype(np.float64) if m.shape == (3, 3) else np.vstack([m.astype(np.float64), [0, 0, 1]])
            now = agreement(small, seen, sure, m)
            if now > best:
                best, g = now, m
        h = np.linalg.inv(scale) @ g @ scale
    return h / h[2, 2], best


def registered(folder, fused, photos):
    """Writes the result and the photos registered to it, cut to what all of them show; returns their paths and the correlations."""
    result = cv2.imread(fused)
    grey, size = cv2.cvtColor(result, cv2.COLOR_BGR2GRAY), (result.shape[1], result.shape[0])
    moved, shown, found = [], np.ones(result.shape[:2], bool), []
    for p in photos:
        photo = cv2.imread(p)
        h, c = register(grey, cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY))
        found.append(c)
        moved.append(cv2.warpPerspective(photo, h, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE))
        shown &= cv2.warpPerspective(np.full(photo.shape[:2], 255, np.uint8), h, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
    top, bottom, left, right = 0, size[1], 0, size[0]
    while not shown[top:bottom, left:right].all():  # take a row or a column off the side that misses most
        sides = [(~shown[top, left:right]).mean(), (~shown[bottom - 1, left:right]).mean(), (~shown[top:bottom, left]).mean(), (~shown[top:bottom, right - 1]).mean()]
        worst = int(np.argmax(sides))
        top, bottom, left, right = top + (worst == 0), bottom - (worst == 1), left + (worst == 2), right - (worst == 3)
    cut = (slice(top, bottom), slice(left, right))
    names = [save(f"{folder}/photo{i}.png", m[cut]) for i, m in enumerate(moved)]
    return save(f"{folder}/fused.png", result[cut]), names, found, (right - left) * (bottom - top) / (size[0] * size[1])


def still(work, name, photos, results):
    cut = border(photos)
    sources = [save(f"{work}/quality/cut/{name}/{i}.png", cv2.imread(p)[cut]) for i, p in enumerate(photos)]
    return [f"{score(work, save(f'{work}/quality/cut/{name}/fused.png', cv2.imread(r)[cut]), sources):.4f}" if r else "" for r in results]


def moving(work, name, photos, results):
    cells = []
    for i, r in enumerate(results):
        if not r:
            cells.append("")
            continue
        fused, names, found, share = registered(f"{work}/quality/registered/{name}-{i}", r, photos)
        cells.append(f"{score(work, fused, names):.4f} ({min(found):.3f}, {100 * share:.0f} %)")
    return cells


def window(work, tools):
    """The wall's halo, and the view, of a rendered window whose truth is known (peerbench window)."""
    folder = f"{work}/quality/window"
    shutil.rmtree(folder, ignore_errors=True)
    run(f"{work}/peerbench", "window", "-out", folder)
    zones = cv2.imread(f"{folder}/zones.png", cv2.IMREAD_UNCHANGED)
    light = cv2.imread(f"{folder}/radiance.png", cv2.IMREAD_UNCHANGED) / 65535 * 32 - 16
    photos = [p for p in photos_of(folder) if p.endswith(".jpg")]
    rows = ["| a window in an even wall, from JPEGs | here, `-route fuse` | here, merge alone | OpenCV | enfuse |", "|---|---|---|---|---|"]
    results = [ours(work, "window", folder, photos), ours_alone(work, f"{folder}/alone.png", photos), opencv(f"{folder}/opencv.png", photos, False)]
    results.append(enfuse(f"{folder}/enfuse.png", photos, False) if tools["enfuse"] else None)
    halos, correlations, blown = [], [], []
    step = lambda m: np.concatenate([(np.roll(m, -1, a) - np.roll(m, 1, a))[zones == 200] for a in (0, 1)])
    for r in results:
        if not r:
            continue
        grey = cv2.cvtColor(cv2.imread(r), cv2.COLOR_BGR2GRAY).astype(np.float64)
        halos.append(f"{abs(grey[zones == 50].mean() - grey[zones == 100].mean()):.1f}")
        correlations.append(f"{np.corrcoef(step(grey), step(light))[0, 1]:.3f}")
        blown.append(f"{100 * (cv2.imread(r)[zones == 200].min(1) >= 254).mean():.1f} %")
    for title, cells in (("wall within 20 px of the opening against 100 px away, levels of 255", halos),
                         ("correlation of the view's gradients with log radiance", correlations), ("view blown in all channels", blown)):
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main():
    brackets, work = sys.argv[1:3]
    names = sys.argv[3:] or STILL + HAND_HELD
    tools = {"enfuse": shutil.which("enfuse"), "align_image_stack": shutil.which("align_image_stack")}
    tables = [window(work, tools)]
    for title, sets, measure in (("against the photos", STILL, still), ("against photos registered to the result (least correlation, share scored)", HAND_HELD, moving)):
        rows = [f"| MEF-SSIM {title} | here, `-route fuse` | here, merge alone | OpenCV | OpenCV, AlignMTB first | enfuse |", "|---|---|---|---|---|---|"]
        for name in [s for s in sets if s in names]:
            log(name)
            photos = photos_of(f"{brackets}/{name}")
            hand = sets is HAND_HELD
            results = []
            for make in (lambda: ours(work, name, brackets, photos),
                         lambda: None if hand else ours_alone(work, f"{work}/quality/alone/{name}.png", photos),
                         lambda: opencv(f"{work}/quality/opencv/{name}.png", photos, False),
                         lambda: opencv(f"{work}/quality/opencv-mtb/{name}.png", photos, True),
                         lambda: enfuse(f"{work}/quality/enfuse/{name}.png", photos, hand and bool(tools["align_image_stack"])) if tools["enfuse"] else None):
                try:
                    results.append(make())
                except (RuntimeError, cv2.error, OSError, LookupError, TypeError) as e:
                    log(f"{name}: {e}")
                    results.append(None)
            rows.append(f"| {name} | " + " | ".join(measure(work, name, photos, results)) + " |")
            log(rows[-1])
        if len(rows) > 2:
            tables.append("\n".join(rows))
    print("\n\n".join(tables))
    if tools["align_image_stack"]:
        print("\nenfuse merges hand-held sets after align_image_stack.")


main()
