"""Values of diffusers, torch and numpy that reference_test.go compares this package with.

python3 -m venv env && env/bin/pip install diffusers==0.42.1 torch==2.15.0 transformers==5.24.0 accelerate==1.15.0 numpy==2.4.6
env/bin/python diffuse/sampler/testdata/reference.py   # rewrites reference.json beside it

Nothing is fetched: networks are stand-ins of a few lines. Inputs are formulas that reference_test.go has too.
"""
import inspect, json, math, os, types
import numpy as np, torch, diffusers
from diffusers import EulerDiscreteScheduler, StableDiffusionXLControlNetImg2ImgPipeline
from diffusers.image_processor import VaeImageProcessor

assert diffusers.__version__ == "0.42.1", diffusers.__version__
torch.set_num_threads(1)
out = {"versions": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__}}
flat = lambda t: [float(v) for v in np.asarray(t, dtype=np.float32).ravel()]


def scheduler(n, prediction="epsilon"):
    s = EulerDiscreteScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=prediction,
        interpolation_type="linear", timestep_spacing="trailing", steps_offset=1, use_karras_sigmas=False)
    s.set_timesteps(n)
    return s


def field(c, h, w, k):
    """Multiples of 1/64 in (−2, 2)."""
    i = np.arange(c * h * w, dtype=np.int64)
    return torch.from_numpy((((i * 7919 + k * 104729 + i // 5 * 31) % 255 - 127) / 64).astype(np.float32)).reshape(1, c, h, w)


out["schedules"] = []
for n, p in [(1, "sample"), (2, "epsilon"), (4, "epsilon"), (8, "epsilon")]:
    s = scheduler(n, p)
    assert float(s.init_noise_sigma) == float(s.sigmas[0])
    out["schedules"].append({"steps": n, "prediction": p, "timesteps": flat(s.timesteps), "sigmas": flat(s.sigmas)})
full = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
out["training_sigmas"] = flat(full.sigmas)[:-1][::-1]  # 0 … 999

# The pipeline's own get_timesteps, without a pipeline.
out["starts"] = []
get = StableDiffusionXLControlNetImg2ImgPipeline.get_timesteps
for n in (2, 4, 8):
    for strength in [0, 0.1, 0.12, 0.124999, 0.125, 0.24, 0.25, 0.29, 0.3, 0.33, 0.375, 0.49, 0.4999999999999999, 0.5, 0.57, 0.58, 0.6, 0.7, 0.74, 0.75, 0.8, 0.87, 0.9, 0.99, 0.9999999999999999, 1]:
        s = scheduler(n)
        t, executed = get(types.SimpleNamespace(scheduler=s), n, strength, "cpu")
        assert len(t) == executed and s.begin_index == n - executed
        out["starts"].append({"steps": n, "strength": strength, "executed": executed})

# A whole sampling from a photograph, the network replaced by ε = 0.25·x_in + 0.125·field(i): what goes in and comes out of every step.
C, H, W = 4, 5, 6
out["runs"] = []
for n, p, executed in [(8, "epsilon", 2), (4, "epsilon", 4), (2, "epsilon", 1), (1, "sample", 1)]:
    s = scheduler(n, p)
    t, _ = get(types.SimpleNamespace(scheduler=s), n, executed / n, "cpu")
    z0, noise = field(C, H, W, 1), field(C, H, W, 2)
    x = s.add_noise(z0, noise, t[:1])
    run = {"steps": n, "prediction": p, "executed": executed, "start": flat(x), "inputs": [], "latents": []}
    for i, tt in enumerate(t):
        x_in = s.scale_model_input(x, tt)
        o = 0.25 * x_in + 0.125 * field(C, H, W, 10 + i)
        x = s.step(o, tt, x).prev_sample
        run["inputs"].append(flat(x_in)), run["latents"].append(flat(x))
    out["runs"].append(run)

# Inpainting with 4 channels: lines of StableDiffusionXLInpaintPipeline.__call__, prepare_latents and prepare_mask_latents, with its mask processor.
out["inpaint"] = []
soft = (np.arange(40 * 48, dtype=np.int64).reshape(40, 48) * 37 % 256 / 255).astype(np.float32)
soft[8:24, 16:40] = 0.5
processor = VaeImageProcessor(vae_scale_factor=8, do_normalize=False, do_binarize=True, do_convert_grayscale=True)
mask = processor.preprocess(torch.from_numpy(soft)[None, None], height=40, width=48)
latent_mask = torch.nn.functional.interpolate(mask, size=(40 // 8, 48 // 8))
for n, executed in [(4, 4), (8, 3)]:
    s = scheduler(n)
    strength = executed / n
    t, _ = get(types.SimpleNamespace(scheduler=s), n, strength, "cpu")
    z0, noise = field(C, H, W, 3), field(C, H, W, 4)
    x = noise * s.init_noise_sigma if strength == 1.0 else s.add_noise(z0, noise, t[:1])
    run = {"steps": n, "executed": executed, "start": flat(x), "latents": []}
    for i, tt in enumerate(t):
        o = 0.25 * s.scale_model_input(x, tt) + 0.125 * field(C, H, W, 20 + i)
        x = s.step(o, tt, x, return_dict=False)[0]
        proper = z0
        if i < len(t) - 1:
            proper = s.add_noise(proper, noise, torch.tensor([t[i + 1]]))
        x = (1 - latent_mask) * proper + latent_mask * x
        run["latents"].append(flat(x))
    out["inpaint"].append(run)
out["mask"] = {"latent": flat(latent_mask)}

# control_guidance_start and _end: the expression of StableDiffusionXLControlNetImg2ImgPipeline.__call__, taken from its source.
source = inspect.getsource(StableDiffusionXLControlNetImg2ImgPipeline.__call__)
expression = "1.0 - float(i / len(timesteps) < s or (i + 1) / len(timesteps) > e)"
assert expression in source
out["keep"] = []
for n in range(1, 9):
    for s, e in [(0, 1), (0, 0.5), (0.5, 1), (0.25, 0.75), (0, 0.3), (0.7, 1), (1 / 3, 2 / 3), (0.1, 0.9), (0, 0.6)]:
        timesteps = list(range(n))
        out["keep"].append({"executed": n, "start": s, "end": e, "keep": [eval(expression, {"i": i, "timesteps": timesteps, "s": s, "e": e}) == 1.0 for i in range(n)]})

# The ranges: VaeImageProcessor and scaling_factor.
v = field(1, 1, 40, 7)
p = VaeImageProcessor(vae_scale_factor=8)
out["ranges"] = {"denormalize": flat(p.denormalize(v)), "scaled": flat(0.13025 * v), "unscaled": flat(v / 0.13025)}


# The noise, by the formulas of noise.go with Python's integers and the C library's functions.
def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


assert philox((0,) * 4, (0,) * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
out["noise"] = []
for seed, x0, y0 in [(0, 0, 0), (12345678901234567890, 1000, 60)]:
    values = np.zeros((6, 8, 9), np.float32)  # two groups of channels, the second cut off
    for group in range(2):
        for y in range(8):
            for x in range(9):
                words = philox((x0 + x, y0 + y, group, 0), (seed & 0xFFFFFFFF, seed >> 32))
                for pair in range(2):
                    if 4 * group + 2 * pair < 6:
                        u, v = ((word + 0.5) / 2**32 for word in words[2 * pair : 2 * pair + 2])
                        r = math.sqrt(-2 * math.log(u))
                        values[4 * group + 2 * pair, y, x] = r * math.cos(2 * math.pi * v)
                        values[4 * group + 2 * pair + 1, y, x] = r * math.sin(2 * math.pi * v)
    out["noise"].append({"seed": str(seed), "x": x0, "y": y0, "values": flat(values)})

# float32 values are written with the fewest digits that read back as the same float32.
class Float(float):
    __repr__ = lambda self: np.format_float_positional(np.float32(self), unique=True, trim="-")


def short(o):
    if isinstance(o, dict):
        return {k: v if k in ("strength", "start", "end") and not isinstance(v, list) else short(v) for k, v in o.items()}
    if isinstance(o, list):
        return [short(v) for v in o]
    return Float(o) if isinstance(o, float) else o


here = os.path.dirname(os.path.abspath(__file__))


def write(o):
    if isinstance(o, dict):
        return "{" + ",\n".join(json.dumps(k) + ":" + write(v) for k, v in o.items()) + "}"
    if isinstance(o, list):
        return "[" + ",".join(write(v) for v in o) + "]"
    return repr(o) if isinstance(o, Float) else json.dumps(o)


with open(os.path.join(here, "reference.json"), "w") as f:
    f.write(write(short(out)) + "\n")
