"""Full-size models of the real architectures with random weights, to time on a GPU what real ones cost. They see nothing.

python3 scripts/models/full.py DIR [--only clip,saliency,sam2] [--large] [--float32]    needs numpy and onnx; --check also runs them (onnxruntime)

CLIP ViT-B/32's vision half (Radford et al. 2021), U²-Net (Qin et al. 2020), SAM 2's image encoder (Hiera B+, or L with --large, and its neck) with mask decoder
and prompt encoder (Ravi et al. 2024, samexporter's signature). float16 inside, float32 outside. DIR gets models.json; then
go test ./segment -run NONE -bench Models -models DIR
"""
import argparse, hashlib, json, math, os
import numpy as np, onnx
from onnx import TensorProto as T, helper as H, numpy_helper

MS = "com.microsoft"


class Net:
    """Collects nodes and weights; every method returns a tensor's name. Weights are scaled so that what passes through keeps its size."""

    def __init__(self, seed, dtype):
        self.nodes, self.inits, self.rng, self.n, self.params, self.d = [], [], np.random.default_rng(seed), 0, 0, dtype
        self.t = {np.float16: T.FLOAT16, np.float32: T.FLOAT}[dtype]

    def op(self, kind, *inputs, domain="", outputs=1, out=None, **attrs):
        self.n += 1
        outs = [out] if out else [f"{kind}_{self.n}_{i}" for i in range(outputs)]
        self.nodes.append(H.make_node(kind, list(inputs), outs, domain=domain, **attrs))
        return outs[0] if len(outs) == 1 else outs

    def const(self, v, dtype=None):
        self.n += 1
        name = f"c_{self.n}"
        self.inits.append(numpy_helper.from_array(np.asarray(v, dtype or self.d), name))
        return name

    def ints(self, *v):
        return self.const(v, np.int64)

    def par(self, *shape, std=1.0, mean=0.0, dtype=None):
        """A parameter of the network, counted."""
        self.params += math.prod(shape)
        return self.const(self.rng.standard_normal(shape, np.float32) * np.float32(std) + np.float32(mean), dtype)

    def cast(self, x, to=None, out=None):
        return self.op("Cast", x, to=to or self.t, out=out)

    def linear(self, x, cin, cout, bias=True, gain=1.0):
        y = self.op("MatMul", x, self.par(cin, cout, std=gain / math.sqrt(cin)))
        return self.op("Add", y, self.par(cout, std=.02)) if bias else y

    def conv(self, x, cin, cout, k=1, stride=1, pad=0, dilation=1, gain=1.0, bias=True, extra=0):
        w = [self.par(cout, cin, k, k, std=gain / math.sqrt(cin * k * k))]
        if bias:
            w.append(self.par(cout, std=.02))
        self.params += extra
        return self.op("Conv", x, *w, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, dilations=[dilation] * 2)

    def norm(self, x, c, eps):
        return self.op("LayerNormalization", x, self.par(c, std=.02, mean=1), self.par(c, std=.02), axis=-1, epsilon=eps)

    def norm2d(self, x, c):
        x = self.norm(self.op("Transpose", x, perm=[0, 2, 3, 1]), c, 1e-6)
        return self.op("Transpose", x, perm=[0, 3, 1, 2])

    def attend(self, q, k, v, heads):
        return self.op("MultiHeadAttention", q, k, v, domain=MS, num_heads=heads)

    def gelu(self, x):
        return self.op("Gelu", x, domain=MS)

    def save(self, folder, name, kind, inputs, outputs, size, resize, mean, std, source, labels=None):
        info = lambda ts: [H.make_tensor_value_info(n, T.FLOAT, s) for n, s in ts]
        m = H.make_model(H.make_graph(self.nodes, name, info(inputs), info(outputs), self.inits), ir_version=8,
                         opset_imports=[H.make_opsetid("", 17), H.make_opsetid(MS, 1)], producer_name="realedit scripts/models/full.py")
        path = os.path.join(folder, name + ".onnx")
        onnx.save(m, path)
        spec = lambda ts: [{"name": n, "type": "float32", "shape": [-1 if isinstance(d, str) else d for d in s]} for n, s in ts]
        hash_of = lambda p: hashlib.sha256(open(p, "rb").read()).hexdigest()
        e = {"name": name, "kind": kind, "file": name + ".onnx", "sha256": hash_of(path), "licence": "random weights", "source": source, "inputs": spec(inputs), "outputs": spec(outputs),
             "preprocess": {"width": size, "height": size, "resize": resize, "mean": mean, "std": std}}
        if labels is not None:
            e["labels"] = name + ".labels.json"
            with open(os.path.join(folder, e["labels"]), "w") as f:
                json.dump(labels, f)
            e["labels_sha256"] = hash_of(os.path.join(folder, e["labels"]))
        print(f"{name}: {self.params:,} parameters, {os.path.getsize(path) / 1e6:.1f} MB, {len(self.nodes)} nodes", flush=True)
        return e


NET_MEAN, NET_STD = [.485, .456, .406], [.229, .224, .225]


def clip(folder, dtype):
    g, d = Net(1, dtype), 768
    x = g.conv(g.cast("pixel_values"), 3, d, 32, 32, bias=False)
    x = g.op("Transpose", g.op("Reshape", x, g.ints(1, d, 49)), perm=[0, 2, 1])
    x = g.op("Concat", g.op("Reshape", g.par(d, std=.5), g.ints(1, 1, d)), x, axis=1)
    x = g.norm(g.op("Add", x, g.par(1, 50, d, std=.1)), d, 1e-5)
    for _ in range(12):
        y = g.norm(x, d, 1e-5)
        q, k, v = (g.linear(y, d, d) for _ in range(3))
        x = g.op("Add", x, g.linear(g.attend(q, k, v, 12), d, d, gain=.3))
        y = g.op("QuickGelu", g.linear(g.norm(x, d, 1e-5), d, 4 * d), domain=MS, alpha=1.702)
        x = g.op("Add", x, g.linear(y, 4 * d, d, gain=.3))
    x = g.norm(g.op("Gather", x, g.const(0, np.int64), axis=1), d, 1e-5)
    g.cast(g.linear(x, d, 512, bias=False), T.FLOAT, out="image_embeds")
    rng = np.random.default_rng(2)
    names = {"scenes": ["interior", "exterior"], "rooms": ["kitchen", "bedroom", "living_room", "bathroom", "dining_room", "hallway", "office", "laundry", "garage", "other"]}
    unit = lambda v: [round(float(f), 6) for f in v / np.linalg.norm(v)]
    labels = {k: [{"label": l, "embedding": unit(rng.standard_normal(512))} for l in v] for k, v in names.items()}
    return [g.save(folder, "clip_vit_b32", "clip", [("pixel_values", [1, 3, 224, 224])], [("image_embeds", [1, 512])], 224, "fit_crop",
                   [.48145466, .4578275, .40821073], [.26862954, .26130258, .27577711], "architecture of openai/clip-vit-base-patch32", labels)]


def u2net(folder, dtype):
    g = Net(3, dtype)

    def step(x, cin, cout, dilation=1):
        # Convolution, batch normalisation, ReLU. An export folds the normalisation into the convolution; its scale and shift are counted.
        return g.op("Relu", g.conv(x, cin, cout, 3, 1, dilation, dilation, gain=math.sqrt(2), extra=2 * cout))

    def grow(x, side):
        return g.op("Resize", x, "", "", g.const([1, CHANNELS[x], side, side], np.int64), mode="linear")

    CHANNELS = {}

    def rsu(x, levels, cin, mid, cout, side):
        """A residual U-block of that many levels; 0 is the one that dilates instead of shrinking (RSU-4F)."""
        top = step(x, cin, cout)
        if levels == 0:
            e1 = step(top, cout, mid)
            e2 = step(e1, mid, mid, 2)
            e3 = step(e2, mid, mid, 4)
            y = step(e3, mid, mid, 8)
            y = step(g.op("Concat", y, e3, axis=1), 2 * mid, mid, 4)
            y = step(g.op("Concat", y, e2, axis=1), 2 * mid, mid, 2)
            return g.op("Add", step(g.op("Concat", y, e1, axis=1), 2 * mid, cout), top)
        down, sides, y = [], [], top
        for i in range(levels - 1):
            if i:
                y, side = g.op("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), -(-side // 2)
            y = step(y, cout if i == 0 else mid, mid)
            down.append(y)
            sides.append(side)
        y = step(y, mid, mid, 2)
        for i in reversed(range(levels - 1)):
            y = step(g.op("Concat", y, down[i], axis=1), 2 * mid, mid if i else cout)
            if i:
                CHANNELS[y] = mid
                y = grow(y, sides[i - 1])
        return g.op("Add", y, top)

    plan = [(7, 3, 32, 64), (6, 64, 32, 128), (5, 128, 64, 256), (4, 256, 128, 512), (0, 512, 256, 512), (0, 512, 256, 512)]
    x, side, enc = g.cast("input.1"), 320, []
    for i, (levels, cin, mid, cout) in enumerate(plan):
        if i:
            x, side = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), -(-side // 2)
        x = rsu(x, levels, cin, mid, cout, side)
        CHANNELS[x] = cout
        enc.append((x, side))
    outs = [enc[-1]]
    for i, (levels, cin, mid, cout) in zip(range(4, -1, -1), [(0, 1024, 256, 512), (4, 1024, 128, 256), (5, 512, 64, 128), (6, 256, 32, 64), (7, 128, 16, 64)]):
        below, side = enc[i]
        x = rsu(g.op("Concat", grow(x, side), below, axis=1), levels, cin, mid, cout, side)
        CHANNELS[x] = cout
        outs.append((x, side))
    sides = []
    for x, side in reversed(outs):  # the finest first
        y = g.conv(x, CHANNELS[x], 1, 3, 1, 1)
        CHANNELS[y] = 1
        sides.append(y if side == 320 else grow(y, 320))
    names = [str(1959 + i) for i in range(7)]
    for x, n in zip([g.conv(g.op("Concat", *sides, axis=1), 6, 1)] + sides, names):
        g.cast(g.op("Sigmoid", x), T.FLOAT, out=n)
    outputs = [(n, [1, 1, 320, 320]) for n in names]
    e = g.save(folder, "u2net", "saliency", [("input.1", [1, 3, 320, 320])], outputs, 320, "stretch", NET_MEAN, NET_STD, "architecture of U²-Net")
    e["outputs"] = e["outputs"][:1]  # the others need not leave the GPU
    return [e]


def sam_encoder(folder, dtype, large):
    g = Net(6, dtype)
    width, stages, spec, everywhere, bkg = (144, (2, 6, 36, 4), (8, 4, 16, 8), (23, 33, 43), 7) if large else (112, (2, 3, 16, 3), (8, 4, 14, 7), (12, 16, 20), 14)
    ends = [sum(stages[:i + 1]) - 1 for i in range(4)]
    dim, heads, side, stage = width, 2, 256, 0
    x = g.op("Transpose", g.conv(g.cast("image"), 3, dim, 7, 4, 3), perm=[0, 2, 3, 1])  # [1,256,256,C]
    # Constants, which the runtime works out once if they are float32: it does so on the processor, which has no such operations for float16.
    pos = g.op("Resize", g.par(1, dim, bkg, bkg, std=.02, dtype=np.float32), "", "", g.ints(1, dim, 256, 256), mode="cubic")
    pos = g.op("Add", pos, g.op("Tile", g.par(1, dim, 8, 8, std=.02, dtype=np.float32), g.ints(1, 1, 32, 32)))
    x = g.op("Add", x, g.cast(g.op("Transpose", pos, perm=[0, 2, 3, 1])))

    def halve(x):  # the largest of 2×2, channels last
        return g.op("Transpose", g.op("MaxPool", g.op("Transpose", x, perm=[0, 3, 1, 2]), kernel_shape=[2, 2], strides=[2, 2]), perm=[0, 2, 3, 1])

    levels = []
    for i in range(sum(stages)):
        out, win, pool = dim, spec[stage], False
        if i in everywhere:
            win = 0
        if i - 1 in ends:  # the first block of a stage shrinks, in windows of the stage before
            out, heads, stage, pool = 2 * dim, 2 * heads, stage + 1, True
        y = g.norm(x, dim, 1e-6)
        short = halve(g.linear(y, dim, out)) if pool else x
        w = win or side
        wide = -(-side // w) * w
        if wide > side:
            y = g.op("Pad", y, g.ints(0, 0, 0, 0, 0, wide - side, wide - side, 0))
        n = (wide // w) ** 2
        y = g.op("Transpose", g.op("Reshape", y, g.ints(wide // w, w, wide // w, w, dim)), perm=[0, 2, 1, 3, 4])
        qkv = g.linear(g.op("Reshape", y, g.ints(n, w * w, dim)), dim, 3 * out)
        q, k, v = g.op("Split", qkv, g.ints(out, out, out), axis=2, outputs=3)
        if pool:
            q = g.op("Reshape", halve(g.op("Reshape", q, g.ints(n, w, w, out))), g.ints(n, w * w // 4, out))
            w, wide, side = w // 2, wide // 2, side // 2
        y = g.linear(g.attend(q, k, v, heads), out, out, gain=.3)
        y = g.op("Transpose", g.op("Reshape", y, g.ints(wide // w, wide // w, w, w, out)), perm=[0, 2, 1, 3, 4])
        y = g.op("Reshape", y, g.ints(1, wide, wide, out))
        if wide > side:
            y = g.op("Slice", y, g.ints(0, 0), g.ints(side, side), g.ints(1, 2))
        x, dim = g.op("Add", short, y), out
        y = g.gelu(g.linear(g.norm(x, dim, 1e-6), dim, 4 * dim))
        x = g.op("Add", x, g.linear(y, 4 * dim, dim, gain=.3))
        if i in ends:
            levels.append((x, dim))
    print(f"  of these Hiera: {g.params:,}")
    lateral = [g.conv(g.op("Transpose", x, perm=[0, 3, 1, 2]), c, 256, gain=.5) for x, c in levels]
    up = g.op("Resize", lateral[3], "", g.const([1, 1, 2, 2], np.float32), mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    embed = g.op("Add", g.op("Add", lateral[2], up), g.par(1, 256, 1, 1, std=.02))
    g.cast(g.conv(lateral[0], 256, 32), T.FLOAT, out="high_res_feats_0")
    g.cast(g.conv(lateral[1], 256, 64), T.FLOAT, out="high_res_feats_1")
    g.cast(embed, T.FLOAT, out="image_embed")
    outputs = [("high_res_feats_0", [1, 32, 256, 256]), ("high_res_feats_1", [1, 64, 128, 128]), ("image_embed", [1, 256, 64, 64])]
    return g.save(folder, "sam2_hiera_" + ("large" if large else "base_plus") + "_encoder", "sam2_encoder", [("image", [1, 3, 1024, 1024])], outputs, 1024, "stretch", NET_MEAN, NET_STD,
                  "architecture of SAM 2")


def sam_decoder(folder, dtype):
    g, d = Net(7, dtype), 256
    f32 = lambda v: g.const(v, np.float32)
    # Prompt encoder. Positions are sines of random directions (Tancik et al. 2020), in float32: they reach far.
    directions = g.rng.standard_normal((2, 128)).astype(np.float32)
    g.params += directions.size
    labels = g.op("Unsqueeze", g.op("Concat", "point_labels", f32([[-1]]), axis=1), g.ints(2))
    points = g.op("Concat", g.op("Add", "point_coords", f32(.5)), f32(np.zeros((1, 1, 2))), axis=1)
    angle = g.op("Mul", g.op("MatMul", g.op("Sub", g.op("Mul", points, f32(2 / 1024)), f32(1)), f32(directions)), f32(2 * math.pi))
    sparse = g.cast(g.op("Concat", g.op("Sin", angle), g.op("Cos", angle), axis=2))
    is_ = lambda k: g.cast(g.op("Equal", labels, f32(k)))
    sparse = g.op("Mul", sparse, g.op("Sub", g.const(1), is_(-1)))
    for k in (-1, 0, 1, 2, 3):
        sparse = g.op("Add", sparse, g.op("Mul", is_(k), g.par(1, 1, d)))
    m = g.cast("mask_input")
    m = g.gelu(g.norm2d(g.conv(m, 1, 4, 2, 2), 4))
    m = g.conv(g.gelu(g.norm2d(g.conv(m, 4, 16, 2, 2), 16)), 16, d)
    has = g.op("Reshape", g.cast("has_mask_input"), g.ints(-1, 1, 1, 1))
    dense = g.op("Add", g.op("Mul", has, m), g.op("Mul", g.op("Sub", g.const(1), has), g.par(1, d, 1, 1)))
    grid = (np.arange(64, dtype=np.float32) + .5) / 32 - 1
    at = np.stack(np.meshgrid(grid, grid), -1).reshape(1, 4096, 2) @ directions * (2 * math.pi)
    place = g.const(np.concatenate([np.sin(at), np.cos(at)], -1))
    flat = lambda x, c, n: g.op("Transpose", g.op("Reshape", x, g.ints(1, c, n)), perm=[0, 2, 1])
    image = flat(g.op("Add", g.cast("image_embed"), dense), d, 4096)
    # Mask decoder: a token for the object's score, one for the masks' quality, four for masks, then the prompt.
    tokens = g.op("Concat", g.par(1, 1, d), g.par(1, 1, d), g.par(1, 4, d), sparse, axis=1)

    def attend(q, k, v, inner):
        y = g.attend(g.linear(q, d, inner), g.linear(k, d, inner), g.linear(v, d, inner), 8)
        return g.linear(y, inner, d)

    add = lambda a, b: g.op("Add", a, b)
    ln = lambda x: g.norm(x, d, 1e-5)
    q, k = tokens, image
    for i in range(2):
        q = ln(attend(q, q, q, d) if i == 0 else add(q, attend(add(q, tokens), add(q, tokens), q, d)))
        q = ln(add(q, attend(add(q, tokens), add(k, place), k, 128)))
        q = ln(add(q, g.linear(g.op("Relu", g.linear(q, d, 2048)), 2048, d)))
        k = ln(add(k, attend(add(k, place), add(q, tokens), q, 128)))
    q = ln(add(q, attend(add(q, tokens), add(k, place), k, 128)))

    def transposed(x, cin, cout):
        return g.op("ConvTranspose", x, g.par(cin, cout, 2, 2, std=1 / math.sqrt(cin)), g.par(cout, std=.02), kernel_shape=[2, 2], strides=[2, 2])

    def mlp(x, out):
        for c in (d, d):
            x = g.op("Relu", g.linear(x, d, c))
        return g.linear(x, d, out)

    x = g.op("Reshape", g.op("Transpose", k, perm=[0, 2, 1]), g.ints(1, d, 64, 64))
    x = g.gelu(g.norm2d(add(transposed(x, d, 64), g.cast("high_res_feats_1")), 64))
    x = g.gelu(add(transposed(x, 64, 32), g.cast("high_res_feats_0")))
    token = lambda i: g.op("Gather", q, g.const(i, np.int64), axis=1)
    weights = g.op("Concat", *[g.op("Unsqueeze", mlp(token(2 + i), 32), g.ints(1)) for i in range(4)], axis=1)  # [1,4,32]
    masks = g.op("Reshape", g.op("MatMul", weights, g.op("Reshape", x, g.ints(1, 32, 65536))), g.ints(1, 4, 256, 256))
    ious = g.op("Sigmoid", mlp(token(1), 4))
    mlp(token(0), 1)  # the object's score, which this signature does not give
    three = lambda x: g.op("Slice", x, g.ints(1), g.ints(4), g.ints(1))
    g.op("Clip", g.cast(three(masks), T.FLOAT), f32(-32), f32(32), out="masks")
    g.cast(three(ious), T.FLOAT, out="iou_predictions")
    inputs = [("image_embed", [1, 256, 64, 64]), ("high_res_feats_0", [1, 32, 256, 256]), ("high_res_feats_1", [1, 64, 128, 128]), ("point_coords", [1, "points", 2]),
              ("point_labels", [1, "points"]), ("mask_input", [1, 1, 256, 256]), ("has_mask_input", [1])]
    return g.save(folder, "sam2_decoder", "sam2_decoder", inputs, [("masks", [1, 3, 256, 256]), ("iou_predictions", [1, 3])], 1024, "stretch", [0, 0, 0], [1, 1, 1], "architecture of SAM 2")


def check(folder, entries):
    """Runs every model on the processor and tells what its answers are like."""
    import time, onnxruntime
    rng, kept = np.random.default_rng(9), {}
    for e in entries:
        t0 = time.time()
        s = onnxruntime.InferenceSession(os.path.join(folder, e["file"]), providers=["CPUExecutionProvider"])
        feed = {i["name"]: kept.get(i["name"], rng.standard_normal([5 if d < 0 else d for d in i["shape"]], np.float32)) for i in e["inputs"]}
        if "point_labels" in feed:
            feed.update(point_coords=rng.uniform(0, 1024, (1, 5, 2)).astype(np.float32), point_labels=np.array([[2, 3, 1, 0, -1]], np.float32), has_mask_input=np.zeros(1, np.float32))
        t1 = time.time()
        for o, v in zip(s.get_outputs(), s.run(None, feed)):
            kept[o.name] = v
            assert np.isfinite(v).all(), (e["name"], o.name)
            print(f"  {e['name']} {o.name} {v.shape}: standard deviation {v.std():.3g}, largest {abs(v).max():.3g}", flush=True)
        print(f"  loaded in {t1 - t0:.1f} s, run in {time.time() - t1:.1f} s", flush=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--only", default="clip,saliency,sam2")
    p.add_argument("--large", action="store_true", help="Hiera L instead of B+")
    p.add_argument("--float32", action="store_true")
    p.add_argument("--check", action="store_true", help="run them here")
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    dtype, only, entries = np.float32 if a.float32 else np.float16, a.only.split(","), []
    if "clip" in only:
        entries += clip(a.folder, dtype)
    if "saliency" in only:
        entries += u2net(a.folder, dtype)
    if "sam2" in only:
        entries += [sam_encoder(a.folder, dtype, a.large), sam_decoder(a.folder, dtype)]
    with open(os.path.join(a.folder, "models.json"), "w") as f:
        json.dump({"models": entries}, f, indent=1)
    if a.check:
        check(a.folder, entries)
