"""What OpenCV makes of the pictures of control_test.go: recorded.json.

python3 -m venv env && env/bin/pip install opencv-python-headless==5.0.0.93 numpy==2.4.6
env/bin/python diffuse/control/testdata/gen.py   # rewrites recorded.json beside it; pictures are formulas
"""
import base64, json, os, zlib
import cv2, numpy as np

W, H = 173, 131


def picture(kind):
    y, x = np.mgrid[0:H, 0:W].astype(np.int64)
    if kind == "shapes":
        v = 40 + 60 * ((x // 37 + y // 29) % 3) + (x * y // 97) % 23
        v[(x - 90) ** 2 + (y - 60) ** 2 < 900] = 230
    elif kind == "noise":
        v = (x * 7919 + y * 104729 + x * y * 31) % 256
    else:
        v = (x * 3 + y * 2) // 4 + 30 * ((x + 2 * y) % 41 < 20)
    return np.clip(np.stack([v, v * 3 // 4 + 20, v * 5 // 6 + 15], -1), 0, 255).astype(np.uint8)


def pack(a):
    return base64.b64encode(zlib.compress(a.astype(np.uint8).tobytes(), 9)).decode()


out = {"opencv": cv2.__version__, "width": W, "height": H, "pictures": {}}
for kind in ("shapes", "noise", "slopes"):
    rgb = picture(kind)
    r, g, b = (rgb[..., k].astype(np.int64) for k in range(3))
    luma = ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16).astype(np.uint8)
    x = rgb.astype(np.float32)
    blur = cv2.GaussianBlur(x, (0, 0), 6.0)
    i = np.min(blur - x, axis=2).clip(0, 255)
    i = i / max(16, np.median(i[i > 8]) if (i > 8).any() else 0)
    out["pictures"][kind] = {"canny 100 200": pack(cv2.Canny(luma, 100, 200)), "canny 20 60": pack(cv2.Canny(luma, 20, 60)), "lineart": pack((i * 127).clip(0, 255))}
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.json"), "w"), indent=0)
