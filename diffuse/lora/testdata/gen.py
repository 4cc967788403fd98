"""What numpy makes of the LoRAs of lora_test.go: merged.json.

python3 -m venv env && env/bin/pip install numpy==2.4.6
env/bin/python diffuse/lora/testdata/gen.py   # rewrites merged.json beside it; weights and LoRAs are the formulas of internal/tinysdxl
"""
import json, math, os
import numpy as np


def uniform(name, n):
    seed = 2166136261
    for c in name.encode():
        seed = (seed ^ c) * 16777619 & 0xFFFFFFFF
    h = np.arange(n, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
    h ^= h >> np.uint32(15)
    h *= np.uint32(2246822519)
    h ^= h >> np.uint32(13)
    h *= np.uint32(3266489917)
    h ^= h >> np.uint32(16)
    return ((h >> np.uint32(16)).astype(np.float32) - np.float32(32768)) / np.float32(32768)


def base(name, shape):
    return (uniform("unet/" + name, math.prod(shape)) * np.float32(math.sqrt(3 / math.prod(shape[1:])))).reshape(shape).astype(np.float64)


A = "down_blocks.1.attentions.0.transformer_blocks.0.attn1."
MODULES = {  # shape, rank, alpha of the first LoRA; the second has rank 2 and no alpha and changes the first two
    A + "to_q": ((64, 64), 4, 2.0), A + "to_out.0": ((64, 64), 4, 2.0), "down_blocks.0.resnets.0.conv1": ((32, 32, 3, 3), 3, 3.0),
    "down_blocks.1.resnets.0.conv_shortcut": ((64, 32, 1, 1), 2, 1.0), "down_blocks.1.attentions.0.proj_in": ((64, 64), 8, 4.0), "time_embedding.linear_1": ((128, 32), 1, 1.0),
}
out = {}
for i, (m, (shape, rank, alpha)) in enumerate(MODULES.items()):
    w = base(m + ".weight", shape)
    for l, (s, r, a) in enumerate(((0.35, rank, alpha), (-0.5, 2, None))):
        if l == 1 and i > 1:
            continue
        up = uniform(f"{l} up {m}", shape[0] * r).reshape(shape[0], r).astype(np.float64)
        down = uniform(f"{l} down {m}", r * math.prod(shape[1:])).reshape(r, -1).astype(np.float64)
        w = w + s * ((a if a is not None else r) / r) * (up @ down).reshape(shape)
    out[m] = {"shape": shape, "rank": rank, "alpha": alpha, "values": [float(np.float32(v)) for v in w.ravel()[:: max(1, w.size // 512)]], "step": max(1, w.size // 512)}
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "merged.json"), "w"), indent=0)
