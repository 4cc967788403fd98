"""Tiny models of every kind in docs/models.md, with the published names, ranks and sizes and random weights, and what they say of one picture.

python3 -m venv venv && venv/bin/pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 pillow==13.0.0
venv/bin/python testdata/models/gen.py    # writes *.onnx, *.json, variants/ and expected.json beside itself

expected.json is made without this repository's code: Pillow scales, numpy does the arithmetic before and after, ONNX Runtime runs the models.
"""
import hashlib, json, os
import numpy as np, onnx, onnxruntime
from onnx import TensorProto as T, helper as H, numpy_helper
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
CLIP_MEAN, CLIP_STD = [.48145466, .4578275, .40821073], [.26862954, .26130258, .27577711]
NET_MEAN, NET_STD = [.485, .456, .406], [.229, .224, .225]


# The graphs

class Graph:
    """Collects nodes; every method returns a tensor's name."""

    def __init__(self, seed):
        self.nodes, self.inits, self.rng, self.n = [], [], np.random.default_rng(seed), 0

    def name(self, hint):
        self.n += 1
        return f"{hint}_{self.n}"

    def const(self, v, dtype=np.float32):
        n = self.name("c")
        self.inits.append(numpy_helper.from_array(np.asarray(v, dtype), n))
        return n

    def op(self, kind, *inputs, out=None, **attrs):
        out = out or self.name(kind)
        self.nodes.append(H.make_node(kind, list(inputs), [out], **attrs))
        return out

    def conv(self, x, cin, cout, k=1, scale=1.0, bias=0.5, out=None, half=False):
        d = np.float16 if half else np.float32
        w = self.const(self.rng.normal(0, scale / np.sqrt(cin * k * k), (cout, cin, k, k)), d)
        return self.op("Conv", x, w, self.const(self.rng.normal(0, bias, cout), d), kernel_shape=[k, k], pads=[k // 2] * 4, out=out)

    def pool(self, x, s):
        return self.op("AveragePool", x, kernel_shape=[s, s], strides=[s, s])

    def grow(self, x, f, out=None):
        return self.op("Resize", x, "", self.const([1, 1, f, f]), mode="linear", coordinate_transformation_mode="half_pixel", out=out)

    def save(self, path, inputs, outputs):
        info = lambda t: H.make_tensor_value_info(t[0], DTYPE[t[1]], t[2])
        m = H.make_model(H.make_graph(self.nodes, "tiny", [info(t) for t in inputs], [info(t) for t in outputs], self.inits),
                         opset_imports=[H.make_opsetid("", 17)], ir_version=8, producer_name="realedit testdata/models/gen.py")
        onnx.checker.check_model(m, full_check=True)
        open(path, "wb").write(m.SerializeToString(deterministic=True))


DTYPE = {"float32": T.FLOAT, "float16": T.FLOAT16, "int64": T.INT64, "int32": T.INT32}
folders = {}


def model(folder, kind, name, graph, inputs, outputs, size, resize, mean, std, labels=None):
    """Saves a graph and its entry in models.json."""
    path = os.path.join(here, folder, name + ".onnx")
    graph.save(path, inputs, outputs)
    spec = lambda ts: [{"name": n, "type": t, "shape": [-1 if isinstance(d, str) else d for d in s]} for n, t, s in ts]
    e = {"name": name, "kind": kind, "file": name + ".onnx", "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest(), "licence": "as this repository",
         "source": "testdata/models/gen.py", "inputs": spec(inputs), "outputs": spec(outputs),
         "preprocess": {"width": size, "height": size, "resize": resize, "mean": mean, "std": std}}
    if labels is not None:
        e["labels"] = name + ".labels.json"
        write(os.path.join(folder, e["labels"]), labels)
        e["labels_sha256"] = hashlib.sha256(open(os.path.join(here, folder, e["labels"]), "rb").read()).hexdigest()
    folders.setdefault(folder, []).append(e)


def write(name, v):
    with open(os.path.join(here, name), "w") as f:
        # One entry a line: small, and readable in a diff.
        body = ",\n".join(json.dumps(k) + ": " + ("[\n" + ",\n".join(json.dumps(x) for x in x_) + "\n]" if isinstance(x_, list) and x_ and isinstance(x_[0], dict) else json.dumps(x_))
                          for k, x_ in v.items())
        f.write("{\n" + body + "\n}\n")


def clip(folder, name, kind_type):
    g, half = Graph(1), kind_type == "float16"
    d = np.float16 if half else np.float32
    x = g.op("Relu", g.conv(g.pool("pixel_values", 16), 3, 8, 3, half=half))
    x = g.op("Concat", g.op("GlobalAveragePool", x), g.op("GlobalMaxPool", x), axis=1)
    x = g.op("Flatten", x)
    g.op("Gemm", x, g.const(g.rng.normal(0, .3, (16, 16)), d), g.const(g.rng.normal(0, .1, 16), d), out="image_embeds")
    ins, outs = [("pixel_values", kind_type, ["batch", 3, 224, 224])], [("image_embeds", kind_type, ["batch", 16])]
    # The embeddings lie about as far from the picture's as real ones do (cosines of 0.2 to 0.3): exactly so far that probabilities are neither 0 nor 1.
    path = os.path.join(here, folder, name + ".onnx")
    g.save(path, ins, outs)
    e = run(path, {"pixel_values": normal(scaled(fit_crop(224), "bicubic"), CLIP_MEAN, CLIP_STD).astype(d)})[0][0].astype(np.float64)
    e /= np.linalg.norm(e)
    rng = np.random.default_rng(2)

    def at(cos):
        v = rng.normal(size=16)
        v -= v @ e * e
        return [round(float(f), 6) for f in cos * e + np.sqrt(1 - cos * cos) * v / np.linalg.norm(v)]

    scenes = [("interior", .300), ("exterior", .270), ("exterior", .275), ("interior", .260)]
    rooms = [("bedroom", .270), ("kitchen", .305), ("living_room", .280), ("bathroom", .262), ("dining_room", .275), ("hallway", .250), ("office", .240),
             ("laundry", .255), ("garage", .230), ("other", .266)]
    model(folder, "clip", name, g, ins, outs, 224, "fit_crop", CLIP_MEAN, CLIP_STD, {k: [{"label": l, "embedding": at(c)} for l, c in v] for k, v in (("scenes", scenes), ("rooms", rooms))})


def mask(folder, kind, name, seed, size, mean, std, names):
    g = Graph(seed)
    step = 8 if size == 320 else 32
    x = g.op("Relu", g.conv(g.pool(names[0], step), 3, 6, 3))
    for i, n in enumerate(names[1:]):  # the fused mask first, then side outputs
        g.op("Sigmoid", g.grow(g.conv(x, 6, 1, 3, scale=1 + i), step), out=n)
    model(folder, kind, name, g, [(names[0], "float32", [1, 3, size, size])], [(n, "float32", [1, 1, size, size]) for n in names[1:]], size, "stretch", mean, std)


def semantic(folder, name, classes):
    g = Graph(5)
    out = None if classes else "logits"
    x = g.conv(g.pool("pixel_values", 4), 3, 150, scale=4, out=out)
    if classes:
        g.op("ArgMax", x, axis=1, keepdims=0, out="classes")
    b = next(i for i in g.inits if i.dims == [150])  # sky and window are among what is seen
    v = numpy_helper.to_array(b).copy()
    v[[2, 8]] += 8
    b.CopyFrom(numpy_helper.from_array(v, b.name))
    outs = [("classes", "int64", [1, 128, 128])] if classes else [("logits", "float32", ["batch", 150, 128, 128])]
    model(folder, "semantic", name, g, [("pixel_values", "float32", [1 if classes else "batch", 3, 512, 512])], outs, 512, "stretch", NET_MEAN, NET_STD)


def sam(folder, prefix, feats, names, masks, label_type):
    g = Graph(6)
    for n, s, c in zip(feats, (4, 8, 16), (32, 64, 256)):
        g.conv(g.pool("image", s), 3, c, out=n)
    shapes = {feats[0]: [1, 32, 256, 256], feats[1]: [1, 64, 128, 128], feats[2]: [1, 256, 64, 64]}
    model(folder, "sam2_encoder", prefix + "_encoder", g, [("image", "float32", [1, 3, 1024, 1024])], [(n, "float32", shapes[n]) for n in feats], 1024, "stretch", NET_MEAN, NET_STD)
    # A decoder that draws the box, its edges moved by what the picture holds, by points inside and outside, and by a mask if there is one.
    g = Graph(7)
    labels = g.op("Cast", "point_labels", to=T.FLOAT)
    is_ = lambda k: g.op("Cast", g.op("Equal", labels, g.const(k)), to=T.FLOAT)
    axes = lambda *a: g.const(a, np.int64)
    corner = lambda k: g.op("ReduceSum", g.op("Mul", "point_coords", g.op("Unsqueeze", is_(k), axes(2))), axes(1), keepdims=0)
    col = lambda x, i: g.op("Unsqueeze", g.op("Gather", x, g.const(i, np.int64), axis=-1), axes(-1, -2))  # [L] or [L,N] with two axes more
    at = np.arange(256, dtype=np.float32) * 4 + 1.5
    X, Y = g.const(at.reshape(1, 1, 1, 256)), g.const(at.reshape(1, 1, 256, 1))
    lo, hi = g.op("Unsqueeze", corner(2), axes(1)), g.op("Unsqueeze", corner(3), axes(1))  # [L,1,2]
    near = g.op("Min", g.op("Sub", X, col(lo, 0)), g.op("Sub", col(hi, 0), X), g.op("Sub", Y, col(lo, 1)), g.op("Sub", col(hi, 1), Y))
    box = g.op("Div", near, g.const(24))
    sq = lambda x: g.op("Mul", x, x)
    d2 = g.op("Add", sq(g.op("Sub", X, col("point_coords", 0))), sq(g.op("Sub", Y, col("point_coords", 1))))
    sign = g.op("Unsqueeze", g.op("Sub", is_(1), is_(0)), axes(2, 3))
    points = g.op("ReduceSum", g.op("Mul", g.op("Exp", g.op("Div", d2, g.const(-2 * 40. ** 2))), sign), axes(1), keepdims=1)
    seen = g.op("Add", g.op("Add", g.conv(feats[0], 32, 1), g.grow(g.conv(feats[1], 64, 1), 2)), g.grow(g.conv(feats[2], 256, 1), 4))
    prior = g.op("Mul", names[0], g.op("Reshape", names[1], g.const([-1, 1, 1, 1], np.int64)))
    base = g.op("Add", g.op("Add", box, g.op("Mul", seen, g.const(.5))), g.op("Add", points, prior))
    low = g.op("Concat", g.op("Sub", base, g.const(2)), base, g.op("Add", base, g.const(2)), axis=1, out="low_res_masks" if len(masks) == 3 else "masks")
    mean = g.op("ReduceMean", base, axes=[1, 2, 3], keepdims=0)
    g.op("Sigmoid", g.op("Add", g.op("Unsqueeze", g.op("Mul", mean, g.const(.01)), axes(1)), g.const([.2, 1.5, .7])), out="iou_predictions")
    outs = [("masks", "float32", ["labels", 3, 256, 256]), ("iou_predictions", "float32", ["labels", 3])]
    ins = [(feats[2], "float32", shapes[feats[2]]), (feats[0], "float32", shapes[feats[0]]), (feats[1], "float32", shapes[feats[1]]), ("point_coords", "float32", ["labels", "points", 2]),
           ("point_labels", label_type, ["labels", "points"]), (names[0], "float32", ["labels", 1, 256, 256]), (names[1], "float32", ["labels"])]
    if len(masks) == 3:
        ins.append((names[2], "int32", [2]))
        whole = g.op("Concat", g.op("Slice", g.op("Shape", low), axes(0), axes(2)), g.op("Cast", names[2], to=T.INT64), axis=0)
        g.op("Resize", low, "", "", whole, mode="linear", out="masks")
        outs = [("masks", "float32", ["labels", 3, "height", "width"]), outs[1], ("low_res_masks", "float32", ["labels", 3, 256, 256])]
    model(folder, "sam2_decoder", prefix + "_decoder", g, ins, outs, 1024, "stretch", [0, 0, 0], [1, 1, 1])


OWL_QUERIES = [("window", [49406, 320, 1125, 539, 320, 2784, 49407]), ("window", [49406, 2784, 13124, 49407]), ("mirror", [49406, 7577, 49407])]


def owl(folder, name):
    g = Graph(8)
    cells = lambda x, c: g.op("Transpose", g.op("Reshape", x, g.const([0, c, 3600], np.int64)), perm=[0, 2, 1])  # [1,3600,c]
    small = g.pool("pixel_values", 16)
    x = cells(g.conv(small, 3, 4), 4)
    bright = cells(g.op("Conv", small, g.const(np.full((1, 3, 1, 1), 2)), g.const([-9.6]), kernel_shape=[1, 1]), 1)  # what is as bright as the picture's window
    ids = g.op("Unsqueeze", g.op("Cast", "input_ids", to=T.FLOAT), g.const([2], np.int64))
    words = g.op("Sin", g.op("Mul", ids, g.const([.013, .0071, .0033, .0017])))
    words = g.op("Mul", words, g.op("Unsqueeze", g.op("Cast", "attention_mask", to=T.FLOAT), g.const([2], np.int64)))
    query = g.op("ReduceSum", words, g.const([1], np.int64), keepdims=0)  # [Q,4]
    grid = (np.arange(60, dtype=np.float32) + .5) / 60
    tilt = (grid.reshape(60, 1) * .7 + grid.reshape(1, 60)).reshape(1, 3600, 1)  # no two cells score the same
    answers = g.op("Mul", g.op("MatMul", x, g.op("Transpose", query, perm=[1, 0])), g.const(-.1))
    g.op("Add", g.op("Sub", bright, g.const(tilt)), answers, out="logits")
    cx = g.op("Reshape", g.op("Expand", g.const(grid.reshape(1, 60)), g.const([60, 60], np.int64)), g.const([1, 3600, 1], np.int64))
    cy = g.op("Reshape", g.op("Expand", g.const(grid.reshape(60, 1)), g.const([60, 60], np.int64)), g.const([1, 3600, 1], np.int64))
    size = g.op("Slice", x, g.const([0], np.int64), g.const([2], np.int64), g.const([2], np.int64))
    size = g.op("Add", g.op("Mul", g.op("Sigmoid", g.op("Mul", size, g.const(.3))), g.const(.2)), g.const(.02))
    g.op("Concat", cx, cy, size, axis=2, out="pred_boxes")
    labels = {"queries": [{"label": l, "input_ids": ids + [0] * (16 - len(ids)), "attention_mask": [1] * len(ids) + [0] * (16 - len(ids))} for l, ids in OWL_QUERIES]}
    model(folder, "owlv2", name, g, [("input_ids", "int64", ["queries", 16]), ("pixel_values", "float32", [1, 3, 960, 960]), ("attention_mask", "int64", ["queries", 16])],
          [("logits", "float32", [1, 3600, "queries"]), ("pred_boxes", "float32", [1, 3600, 4])], 960, "pad", CLIP_MEAN, CLIP_STD, labels)


# The picture and what is done with it

W, Hh = 420, 300


def picture():
    """420×300: sky over a stepped horizon, a wall, a bright window with a bar. Whole numbers only, so that it is the same everywhere."""
    x, y = np.meshgrid(np.arange(W), np.arange(Hh))
    sky = y < 90 + x // 15 % 7 * 4
    p = np.stack([90 + (3 * x + 5 * y) % 40, 80 + x * y % 30, 60 + (x + 2 * y) % 50], -1)
    p[sky] = np.stack([120 + y // 2, 160 + y // 3, 230 - y // 4], -1)[sky]
    win = (x >= 250) & (x < 350) & (y >= 150) & (y < 240)
    p[win] = [250, 250, 240]
    p[win & (x >= 298) & (x < 303)] = [40, 30, 20]
    return p.astype(np.float64) / 255


def stretch(s):
    return (s, s, 0, 0, s, s)


def fit_crop(s):
    w, h = (s, s * Hh // W) if W < Hh else (s * W // Hh, s)
    return (w, h, (w - s) // 2, (h - s) // 2, s, s)


def pad(s):
    k = s / max(W, Hh)
    return (round(W * k), round(Hh * k), 0, 0, s, s)


FILTERS = {"bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


def area(v, m):
    """Means of v's rows over the m equal parts of its height, shares of rows counted."""
    edges = np.linspace(0, len(v), m + 1)
    sums = np.concatenate([np.zeros((1, v.shape[1])), np.cumsum(v, 0)])
    low = np.minimum(edges.astype(int), len(v) - 1)
    at = sums[low] + (edges - low)[:, None] * v[low]
    return np.diff(at, axis=0) * m / len(v)


def resize(plane, w, h, how):
    """One plane; "linear" is area averages where it shrinks (Pillow's box counts no shares), as this library scales."""
    pil = lambda v, w, h, f: np.asarray(Image.fromarray(v.astype(np.float32)).resize((w, h), f), np.float64)
    if how != "linear":
        return pil(plane, w, h, FILTERS[how])
    v = area(plane.T, w).T if w < plane.shape[1] else pil(plane, w, plane.shape[0], Image.BILINEAR)
    return area(v, h) if h < v.shape[0] else pil(v, w, h, Image.BILINEAR)


def scaled(frame, how):
    w, h, x0, y0, tw, th = frame
    full = np.clip(np.stack([resize(PICTURE[..., c], w, h, how) for c in range(3)]), 0, 1)
    out = np.zeros((3, th, tw))
    part = full[:, y0:y0 + th, x0:x0 + tw]
    out[:, :part.shape[1], :part.shape[2]] = part
    return out


def normal(x, mean, std, by_max=False):
    if by_max:
        x = x / x.max()
    return ((x - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1)))[None].astype(np.float32)


def run(path, feed):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feed)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sampled(plane):
    """A plane's mean and every 20th sample of every 20th row, from the tenth."""
    return {"mean": round(float(plane.mean()), 6), "samples": [round(float(v), 5) for v in plane[10::20, 10::20].ravel()]}


def tensor_sampled(x):
    """Of an input: each channel's mean, and 5×5 samples."""
    h, w = x.shape[2:]
    return {"means": [round(float(v), 5) for v in x[0].astype(np.float64).mean((1, 2))],
            "samples": [round(float(x[0, c, h * (2 * j + 1) // 10, w * (2 * i + 1) // 10]), 5) for c in range(3) for j in range(5) for i in range(5)]}


def expect(folder):
    out = {}
    for e in folders[folder]:
        path, size = os.path.join(here, folder, e["file"]), e["preprocess"]["width"]
        pre = lambda frame, how, by_max=False: normal(scaled(frame, how), e["preprocess"]["mean"], e["preprocess"]["std"], by_max)
        labels = json.load(open(os.path.join(here, folder, e["labels"]))) if "labels" in e else None
        kind = e["kind"]
        r = out.setdefault(kind, {})
        if kind == "clip":
            x = pre(fit_crop(224), "bicubic")
            r["input"] = tensor_sampled(x)
            emb = run(path, {"pixel_values": x.astype(np.float16 if e["inputs"][0]["type"] == "float16" else np.float32)})[0][0].astype(np.float64)
            for what, ls in labels.items():
                t = np.array([l["embedding"] for l in ls])
                p = softmax(100 * (t @ emb) / np.linalg.norm(emb) / np.linalg.norm(t, axis=1))
                best = {}
                for l, v in zip(ls, p):
                    best[l["label"]] = best.get(l["label"], 0) + float(v)
                k = max(best, key=best.get)
                r[what] = {"label": k, "probability": round(best[k], 6)}
        elif kind in ("sky", "saliency"):
            x = pre(stretch(size), "lanczos", True)
            r["input"] = tensor_sampled(x)
            m = run(path, {e["inputs"][0]["name"]: x})[0][0, 0].astype(np.float64)
            r["peak"] = round(float(m.max()), 6)
            r["mask"] = sampled(resize((m - m.min()) / (m.max() - m.min()), W, Hh, "linear"))
        elif kind == "semantic":
            x = pre(stretch(size), "linear")
            r["input"] = tensor_sampled(x)
            y = run(path, {"pixel_values": x})[0].astype(np.float64)
            p = softmax(y, 1)[0] if y.ndim == 4 else np.stack([(y[0] == c) for c in range(9)]).astype(np.float64)
            r["sky"], r["window"] = sampled(resize(p[2], W, Hh, "linear")), sampled(resize(p[8], W, Hh, "linear"))
        elif kind == "sam2_encoder":
            x = pre(stretch(size), "linear")
            r["input"] = tensor_sampled(x)
            feats = dict(zip([o["name"] for o in e["outputs"]], run(path, {"image": x})))
        elif kind == "sam2_decoder":
            px = np.array([[250, 150], [349, 239], [275, 190], [230, 200], [325, 200]], np.float64)  # box, inside, outside, inside, as Go's test
            xy = ((px + .5) * [1024 / W, 1024 / Hh] - .5)[None].astype(np.float32)
            feed = dict(feats)
            for i in e["inputs"]:
                d = {"float32": np.float32, "int32": np.int32}[i["type"]]
                v = {"point_coords": xy, "point_labels": np.array([[2, 3, 1, 0, 1]])}.get(i["name"])
                if v is None and i["name"] not in feats:
                    v = np.zeros((1, 1, 256, 256)) if len(i["shape"]) == 4 else np.array([Hh, W]) if i["name"].endswith("_size") else np.zeros(1)
                if v is not None:
                    feed[i["name"]] = v.astype(d)
            names = [o["name"] for o in e["outputs"]]
            got = dict(zip(names, run(path, feed)))
            best = int(got["iou_predictions"][0].argmax())
            m = resize(got["low_res_masks" if "low_res_masks" in got else "masks"][0, best], W, Hh, "linear")
            r.update(iou=round(float(got["iou_predictions"][0, best]), 6), logits=sampled(m), inside=round(float((m > 0).mean()), 6))
        elif kind == "owlv2":
            x = pre(pad(size), "linear")
            r["input"] = tensor_sampled(x)
            q = labels["queries"]
            logits, boxes = run(path, {"pixel_values": x, "input_ids": np.array([k["input_ids"] for k in q]), "attention_mask": np.array([k["attention_mask"] for k in q])})
            scale = np.tile([W * size / pad(size)[0], Hh * size / pad(size)[1]], 2)  # the square is the longer side, but for rounding to whole pixels
            score = 1 / (1 + np.exp(-logits[0].astype(np.float64)))
            found = []
            for s, which, (cx, cy, w, h) in zip(score.max(1), score.argmax(1), boxes[0].astype(np.float64) * scale):
                if s >= .2 and q[which]["label"] == "window":
                    b = [max(0, cx - w / 2), max(0, cy - h / 2), min(W, cx + w / 2), min(Hh, cy + h / 2)]
                    if b[2] - b[0] >= 1 and b[3] - b[1] >= 1:
                        found.append([s] + b)
            kept = []
            for b in sorted(found, key=lambda b: -b[0]):
                def iou(a):
                    i = max(0, min(a[3], b[3]) - max(a[1], b[1])) * max(0, min(a[4], b[4]) - max(a[2], b[2]))
                    return i / ((a[3] - a[1]) * (a[4] - a[2]) + (b[3] - b[1]) * (b[4] - b[2]) - i)
                if all(iou(a) <= .5 for a in kept):
                    kept.append(b)
            r["boxes"] = [[round(float(v), 4) for v in b] for b in kept]
            print(folder, "owlv2: boxes before and after suppression", len(found), len(kept))
    return out


if __name__ == "__main__":
    PICTURE = picture()
    clip(".", "clip_tiny", "float32")
    mask(".", "saliency", "u2net_tiny", 3, 320, NET_MEAN, NET_STD, ["input.1", "1959", "1960"])
    mask(".", "sky", "skyseg_tiny", 4, 320, NET_MEAN, NET_STD, ["input.1", "1959", "1960"])
    semantic(".", "segformer_tiny", False)
    sam(".", "sam2_tiny", ["high_res_feats_0", "high_res_feats_1", "image_embed"], ["mask_input", "has_mask_input"], ["masks", "iou_predictions"], "float32")
    owl(".", "owlv2_tiny")
    clip("variants", "clip_half", "float16")
    mask("variants", "saliency", "isnet_tiny", 9, 1024, [.5] * 3, [1.0] * 3, ["input_image", "output_image"])
    semantic("variants", "argmax_tiny", True)
    sam("variants", "sam2_ort", ["image_features_0", "image_features_1", "image_embeddings"], ["input_masks", "has_input_masks", "original_image_size"],
        ["masks", "iou_predictions", "low_res_masks"], "int32")
    for folder, entries in folders.items():
        write(os.path.join(folder, "models.json"), {"models": entries})
    lines = lambda v: "{\n" + ",\n".join(f"{json.dumps(k)}: {x}" for k, x in v.items()) + "\n}"
    with open(os.path.join(here, "expected.json"), "w") as f:  # a line for each kind
        f.write(lines({folder: lines({k: json.dumps(v) for k, v in expect(folder).items()}) for folder in folders}) + "\n")
