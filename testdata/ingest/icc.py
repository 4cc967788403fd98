"""What Little CMS (through PIL.ImageCms, relative colorimetric) makes of the profiles in $REALEDIT_PHOTOS/metadata/icc.

python testdata/ingest/icc.py > testdata/ingest/icc.json   (written with Pillow 13.0.0)
"""
import io, json, os, sys
import numpy as np
from PIL import Image, ImageCms

out = {}
for name in ["jpg-24bit-icc-adobe-rgb.jpg", "jpg-24bit-icc-iec.jpg", "jpg-8bit-gray-scale-with-icc-profile.jpg", "jpg-8bit-grey-icc-dot-gain.jpg"]:
    im = Image.open(os.path.join(os.environ["REALEDIT_PHOTOS"], "metadata/icc", name))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(im.info["icc_profile"]))
    rgb = np.asarray(ImageCms.profileToProfile(im, profile, ImageCms.createProfile("sRGB"), renderingIntent=1, outputMode="RGB")).astype(float)
    h, w = rgb.shape[:2]
    blocks = []
    for i in range(1, 5):
        for j in range(1, 5):
            x, y = w * i // 5 // 8 * 8, h * j // 5 // 8 * 8
            blocks.append({"X": x, "Y": y, "RGB": [round(v, 3) for v in rgb[y:y + 8, x:x + 8].reshape(-1, 3).mean(0)]})
    out[name] = {"Mean": [round(v, 3) for v in rgb.reshape(-1, 3).mean(0)], "Blocks": blocks}
json.dump(out, sys.stdout, indent=1)
print()
