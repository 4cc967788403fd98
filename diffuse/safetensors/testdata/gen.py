"""A file with every element type as the reference implementation writes it, what numpy makes of its numbers, and what the reference says of broken headers.

python3 -m venv venv && venv/bin/pip install numpy==2.4.6 safetensors==0.8.0 ml_dtypes==0.6.0
venv/bin/python diffuse/safetensors/testdata/gen.py    # writes all.safetensors and recorded.json beside itself
"""
import ctypes, hashlib, json, os
import ml_dtypes, numpy as np, safetensors
from safetensors import TensorSpec

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)

# The file

floats = np.array([0, -0.0, 1, -2.5, 1 / 3, 65504, 6e-8, 1e-7, 3.0517578125e-05, -1e-5, 0.1, 300.7], np.float64)
arrays = {
    "z.f64": ("float64", np.concatenate([floats, [1 + 2**-24, 1 + 2**-24 + 2**-40, 1e-42, -1e-46, 3.4028235e38]])),
    "a.f32": ("float32", floats.astype(np.float32).reshape(3, 4)),
    "b.f16": ("float16", floats.astype(np.float16).reshape(2, 2, 3, 1)),
    "c.bf16": ("bfloat16", floats.astype(ml_dtypes.bfloat16)),
    "scalar": ("float32", np.float32(7.25).reshape(())),
    "empty": ("float16", np.zeros((3, 0, 2), np.float16)),
    "é \"x\"\\\n\u2028<": ("float16", np.array([1, 2, 3], np.float16)),
}
for name, kind in [("int64", np.int64), ("int32", np.int32), ("int16", np.int16), ("int8", np.int8), ("uint64", np.uint64),
                   ("uint32", np.uint32), ("uint16", np.uint16), ("uint8", np.uint8)]:
    arrays["n." + name] = (name, rng.integers(0, 100, 3).astype(kind))
arrays["n.bool"] = ("bool", np.array([1, 0, 1], np.bool_))
arrays["n.f8_e4m3"] = ("float8_e4m3fn", floats[:5].astype(ml_dtypes.float8_e4m3fn))
arrays["n.f8_e5m2"] = ("float8_e5m2", floats[:5].astype(ml_dtypes.float8_e5m2))

keep, specs = [], {}
for k, (dtype, a) in arrays.items():
    b = a.tobytes()
    keep.append(ctypes.create_string_buffer(b, max(1, len(b))))
    specs[k] = TensorSpec(dtype=dtype, shape=list(a.shape), data_ptr=ctypes.addressof(keep[-1]), data_len=len(b))
# One text: the reference writes several in an order of chance.
file = bytes(safetensors.serialize(specs, {"author": "a \"b\"\t\x01 é"}))
open(os.path.join(here, "all.safetensors"), "wb").write(file)

bits = {k: a.astype(np.float32).ravel().view(np.uint32).tolist() for k, (d, a) in arrays.items() if d in ("float64", "float32", "float16", "bfloat16")}


def every(kind):
    """The hash of all numbers of a 16-bit type as float32, those that are no numbers as 0."""
    with np.errstate(all="ignore"):
        a = np.arange(65536, dtype=np.uint16).view(kind).astype(np.float32)
    return hashlib.sha256(np.where(np.isnan(a), np.float32(0), a).tobytes()).hexdigest()


# Headers

one = lambda begin=0, end=4, dtype='"F32"', shape="[1]", more="": f'{{"dtype":{dtype},"shape":{shape},"data_offsets":[{begin},{end}]{more}}}'
headers = [  # header, bytes of data
    ('{"a":%s}' % one(), 4), ('{"a":%s} \n' % one(), 4), (' {"a":%s}' % one(), 4), ('{}', 0), ('{}', 1), ('', 0), ('null', 0), ('[]', 0), ('{', 0), ('{"a"}', 0),
    ('{"a":%s}x' % one(), 4), ('{"a":%s}{}' % one(), 4), ('{"a":%s,}' % one(), 4), ('{"a":%s}' % one(), 3), ('{"a":%s}' % one(), 5), ('{"a":%s}' % one(4, 8), 8),
    ('{"a":%s,"b":%s}' % (one(), one(4, 8)), 8), ('{"b":%s,"a":%s}' % (one(4, 8), one()), 8), ('{"a":%s,"b":%s}' % (one(), one(2, 6)), 6), ('{"a":%s,"b":%s}' % (one(), one()), 4),
    ('{"a":%s,"b":%s}' % (one(), one(8, 12)), 12), ('{"a":%s,"a":%s}' % (one(), one()), 4), ('{"a":%s,"a":%s}' % (one(), one(4, 8)), 8), ('{"a":%s,"\\u0061":%s}' % (one(), one(4, 8)), 8),
    ('{"a":%s}' % one(4, 0), 4), ('{"a":%s}' % one(shape="[0]", end=0), 0), ('{"a":%s,"b":%s}' % (one(2, 2, shape="[0]"), one()), 4), ('{"a":%s,"b":%s}' % (one(4, 4, shape="[0]"), one()), 4),
    ('{"a":%s}' % one(shape="[]"), 4), ('{"a":%s}' % one(shape="[1.0]"), 4), ('{"a":%s}' % one(shape="[-1]"), 4), ('{"a":%s}' % one(shape="[01]"), 4), ('{"a":%s}' % one(shape="[1e0]"), 4),
    ('{"a":%s}' % one(shape="[2]"), 4), ('{"a":%s}' % one(shape='["1"]'), 4), ('{"a":%s}' % one(shape="1"), 4), ('{"a":%s}' % one(shape="[4294967296,4294967296]", end=0), 0),
    ('{"a":%s}' % one(shape="[4611686018427387905]"), 4), ('{"a":%s}' % one(shape="[18446744073709551616]"), 4), ('{"a":%s}' % one(shape="[0,18446744073709551615]", end=0), 0),
    ('{"a":%s}' % one(end=18446744073709551615), 4), ('{"a":%s}' % one(dtype='"F31"'), 4), ('{"a":%s}' % one(dtype='"f32"'), 4), ('{"a":%s}' % one(dtype="1"), 4), ('{"a":%s}' % one(more=',"x":1'), 4),
    ('{"a":%s}' % one(more=',"shape":[1]'), 4), ('{"a":{"dtype":"F32","shape":[1]}}', 4), ('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), ('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4),
    ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4), ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', 4), ('{"a":[]}', 0), ('{"a":null}', 0), ('{"a\n":%s}' % one(), 4),
    ('{"\\ud800":%s}' % one(), 4), ('{"\\ud83d\\ude00":%s}' % one(), 4), ('{"\\x":%s}' % one(), 4), ('{"\\u00g0":%s}' % one(), 4), ('{"__metadata__":{"a":"b"},"a":%s}' % one(), 4),
    ('{"__metadata__":{"a":1}}', 0), ('{"__metadata__":{"a":null}}', 0), ('{"__metadata__":[]}', 0), ('{"__metadata__":{"a":"1","a":"2"}}', 0), ('{"__metadata__":{},"__metadata__":{}}', 0), ('{"__metadata__":null}', 0),
]


def accepted(header, data):
    b = header.encode()
    try:
        safetensors.deserialize(len(b).to_bytes(8, "little") + b + bytes(data))
        return True
    except safetensors.SafetensorError:
        return False


json.dump({
    "bits": bits, "sha256": hashlib.sha256(file).hexdigest(), "every": {"F16": every(np.float16), "BF16": every(ml_dtypes.bfloat16)},
    "offsets": {k: list(v) for k, v in ((t, [8 + int.from_bytes(file[:8], "little") + o for o in d["data_offsets"]]) for t, d in json.loads(file[8:8 + int.from_bytes(file[:8], "little")]).items() if t != "__metadata__")},
    "headers": [{"header": h, "data": n, "accepted": accepted(h, n)} for h, n in headers],
}, open(os.path.join(here, "recorded.json"), "w"), ensure_ascii=True, separators=(",", ":"))
