"""What diffusers and transformers compute with the tiny networks of this package.

python3 -m venv env && env/bin/pip install diffusers==0.42.1 torch==2.15.0 transformers==5.24.0 accelerate==1.15.0 numpy==2.4.6
env/bin/python internal/tinysdxl/gen.py   # rewrites networks.json and pipelines.json beside it

Nothing is fetched. Weights and inputs are formulas that tiny.go has too; only names, shapes and results are recorded. Results differ between processors in their last digits.
"""
import json, math, os
import numpy as np, torch, diffusers, transformers
from diffusers import AutoencoderKL, ControlNetModel, ControlNetUnionModel, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers import StableDiffusionXLControlNetImg2ImgPipeline, StableDiffusionXLControlNetInpaintPipeline, StableDiffusionXLInpaintPipeline
from diffusers import StableDiffusionXLControlNetUnionImg2ImgPipeline
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

assert diffusers.__version__ == "0.42.1" and transformers.__version__ == "5.24.0"
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def uniform(name, n):
    """n multiples of 2^-15 in [-1, 1), from a name: an integer hash of the position, seeded by FNV-1a of the name."""
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


def weight(name, shape):
    """A weight of a network: near 1 for scales of normalisations, small for biases, else as large as keeps variances."""
    u = uniform(name, int(np.prod(shape)))
    if name.endswith(".bias"):
        v = u * np.float32(0.125)
    elif len(shape) == 1:
        v = u * np.float32(0.25) + np.float32(1)
    else:
        v = u * np.float32(math.sqrt(3 / np.prod(shape[1:])))
    return v.reshape(shape)


def fill(model, scope):
    """Gives a model the weights of its scope; returns their shapes by name."""
    # transformers 5 has dropped the prefix that published text encoders have.
    published = lambda k: "text_model." + k if isinstance(model, CLIPTextModel) and not k.startswith("text_model.") else k
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("position_ids")}
    model.load_state_dict({k: torch.from_numpy(weight(scope + published(k), tuple(v.shape))) for k, v in state.items()})
    model.eval().requires_grad_(False)
    return {published(k): list(v.shape) for k, v in state.items()}


def field(name, *shape):
    return torch.from_numpy(uniform(name, int(np.prod(shape))).reshape(shape))


CH, LAYERS, HEADS, CONTEXT, POOLED, SIZES, GROUPS = (32, 64, 128), (1, 2, 3), (1, 2, 4), 96, 64, 32, 8
common = dict(block_out_channels=CH, layers_per_block=2, cross_attention_dim=CONTEXT, transformer_layers_per_block=LAYERS, attention_head_dim=HEADS,
              down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), use_linear_projection=True, norm_num_groups=GROUPS,
              addition_embed_type="text_time", addition_time_embed_dim=SIZES, projection_class_embeddings_input_dim=POOLED + 6 * SIZES)


def unet(channels):
    return UNet2DConditionModel(in_channels=channels, sample_size=16, up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), **common)


def union(types):
    """A ControlNet Union that knows so many types of images, with the published files' widths where those are not of the levels."""
    return ControlNetUnionModel(num_control_type=types, num_trans_channel=CH[0], num_trans_head=4, num_proj_channel=CH[0], conditioning_embedding_out_channels=(16, 32, 96, 256), **common)


def autoencoder():
    return AutoencoderKL(block_out_channels=(16, 32, 64, 64), layers_per_block=2, norm_num_groups=GROUPS, latent_channels=4, sample_size=128, scaling_factor=0.13025,
                         down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)


def text(cls, width, inner, layers, heads, act, projection, vocabulary=512):
    return cls(CLIPTextConfig(vocab_size=vocabulary, hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads, hidden_act=act,
                              projection_dim=projection, max_position_embeddings=77, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=1))


nets = {"unet": unet(4), "unet_inpaint": unet(9), "controlnet_tile": ControlNetModel(**common), "controlnet_canny": ControlNetModel(**common),
        "controlnet_union": union(6), "controlnet_promax": union(8), "vae": autoencoder(),
        "text_encoder": text(CLIPTextModel, 32, 64, 3, 2, "quick_gelu", 32), "text_encoder_2": text(CLIPTextModelWithProjection, 64, 128, 3, 4, "gelu", POOLED),
        "prompt_encoder": text(CLIPTextModel, 32, 64, 3, 2, "quick_gelu", 32, 49408), "prompt_encoder_2": text(CLIPTextModelWithProjection, 64, 128, 3, 4, "gelu", POOLED, 49408)}
shapes = {k: fill(m, k + "/") for k, m in nets.items()}

B, h, w = 2, 16, 24
STRIDE = 37  # every 37th value of a large result is recorded
cond = dict(encoder_hidden_states=field("context", B, 77, CONTEXT))
added = {"text_embeds": field("pooled", B, POOLED), "time_ids": torch.tensor([[1024, 1024, 0, 0, 1024, 1024], [768, 512, 64, 32, 640, 896]], dtype=torch.float32)}
outs = {}


def record(net, values, stride=STRIDE):
    outs[net] = {}
    for k, v in values.items():
        v = v.detach().numpy().astype(np.float32)
        flat = v.ravel()
        step = 1 if flat.size <= 4000 and stride == STRIDE else stride
        outs[net][k] = {"shape": list(v.shape), "step": step, "values": [float(x) for x in flat[::step]]}


with torch.no_grad():
    residuals = None
    for name, scale in (("controlnet_tile", 0.75), ("controlnet_canny", 0.5)):
        down, mid = nets[name](field("sample", B, 4, h, w), torch.tensor([374.0]), controlnet_cond=(field(name + " image", B, 3, 8 * h, 8 * w) + 1) / 2,
                               conditioning_scale=scale, added_cond_kwargs=added, return_dict=False, **cond)
        record(name, {**{f"down_block_res_{i}": v for i, v in enumerate(down)}, "mid_block_res": mid})
        residuals = (down, mid) if residuals is None else ([a + b for a, b in zip(residuals[0], down)], residuals[1] + mid)
    # One picture at a time: of several at once the tokens of one attend to those of the others, since the layer takes the batch for the sequence.
    both = None
    for name, types, scales in (("controlnet_union", [3], [0.75]), ("controlnet_union", [3, 1], [0.75, 0.5]), ("controlnet_promax", [6], [0.75]), ("controlnet_promax", [6, 3], [0.75, 0.5])):
        one_by_one = []
        for b in range(B):
            kind = torch.zeros(1, nets[name].config.num_control_type)
            kind[:, types] = 1
            down, mid = nets[name](field("sample", B, 4, h, w)[b : b + 1], torch.tensor([374.0]), encoder_hidden_states=cond["encoder_hidden_states"][b : b + 1],
                                   controlnet_cond=[(field(f"type {t} image", B, 3, 8 * h, 8 * w)[b : b + 1] + 1) / 2 for t in types], control_type=kind, control_type_idx=types,
                                   conditioning_scale=scales, added_cond_kwargs={k: v[b : b + 1] for k, v in added.items()}, return_dict=False)
            one_by_one.append((*down, mid))
        *down, mid = (torch.cat(v) for v in zip(*one_by_one))
        record(f"{name} {types}", {**{f"down_block_res_{i}": v for i, v in enumerate(down)}, "mid_block_res": mid}, 149)
        both = (down, mid)
    tile = nets["controlnet_tile"](field("sample", B, 4, h, w), torch.tensor([374.0]), controlnet_cond=(field("controlnet_tile image", B, 3, 8 * h, 8 * w) + 1) / 2,
                                   conditioning_scale=0.75, added_cond_kwargs=added, return_dict=False, **cond)
    record("unet with tile and promax", {"out_sample": nets["unet"](
        field("sample", B, 4, h, w), torch.tensor([374.0]), added_cond_kwargs=added, down_block_additional_residuals=[a + b for a, b in zip(tile[0], both[0])],
        mid_block_additional_residual=tile[1] + both[1], return_dict=False, **cond)[0]})
    for name, channels in (("unet", 4), ("unet_inpaint", 9)):
        x = field("sample", B, channels, h, w) if channels == 4 else torch.cat([field("sample", B, 4, h, w), field("more", B, 5, h, w)], 1)
        record(name, {"out_sample": nets[name](x, torch.tensor([374.0]), added_cond_kwargs=added, return_dict=False, **cond)[0]})
        record(name + " with residuals", {"out_sample": nets[name](x, torch.tensor([374.0]), added_cond_kwargs=added, down_block_additional_residuals=residuals[0],
                                                                   mid_block_additional_residual=residuals[1], return_dict=False, **cond)[0]})
    record("vae_encoder", {"mean": nets["vae"].encode(field("picture", B, 3, 64, 96)).latent_dist.mean})
    record("vae_decoder", {"image": nets["vae"].decode(2 * field("latent", B, 4, 8, 12)).sample})
    ids = np.full((B, 77), 511, np.int64)
    ids[:, 0] = 510
    ids[0, 1:6], ids[1, 1:40] = [3, 500, 17, 17, 4], np.arange(39) * 7 % 500
    ids2 = ids.copy()
    ids2[0, 7:], ids2[1, 41:] = 0, 0
    record("text_encoder", {"hidden": nets["text_encoder"](torch.from_numpy(ids), output_hidden_states=True).hidden_states[-2]})
    t2 = nets["text_encoder_2"](torch.from_numpy(ids2), output_hidden_states=True)
    record("text_encoder_2", {"hidden": t2.hidden_states[-2], "text_embeds": t2.text_embeds})
    # "a photo of a cat", as SDXL's tokenizers have it.
    cat = [49406, 320, 1125, 539, 320, 2368, 49407]
    p1 = nets["prompt_encoder"](torch.tensor([cat + [49407] * 70]), output_hidden_states=True)
    p2 = nets["prompt_encoder_2"](torch.tensor([cat + [0] * 70]), output_hidden_states=True)
    record("prompt", {"hidden": torch.cat([p1.hidden_states[-2], p2.hidden_states[-2]], -1), "pooled": p2.text_embeds})


class Float(float):
    """Written with the fewest digits that read back as the same float32."""

    __repr__ = lambda self: np.format_float_scientific(np.float32(self), unique=True, trim="-", exp_digits=1)


def write(o):
    if isinstance(o, dict):
        return "{" + ",\n".join(json.dumps(k) + ":" + write(v) for k, v in o.items()) + "}"
    if isinstance(o, list):
        return "[" + ",".join(write(v) for v in o) + "]"
    return repr(Float(o)) if isinstance(o, float) else json.dumps(o)


here = os.path.dirname(os.path.abspath(__file__))
versions = {"diffusers": diffusers.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
with open(os.path.join(here, "networks.json"), "w") as f:
    f.write(write({"versions": versions, "shapes": shapes, "ids": [ids.tolist(), ids2.tolist()], "outputs": outs}) + "\n")


# Whole pipelines, 128² pixels in one tile, with the noise of a formula.
class Noise:
    """Stands in for a generator: what randn_tensor would draw is a field of this module, about normal."""


def noise(*shape, **kw):
    shape = shape[0] if isinstance(shape[0], (tuple, list, torch.Size)) else shape
    return 1.7 * field("noise", *shape)


import diffusers.pipelines.controlnet.pipeline_controlnet_sd_xl_img2img as p_img2img, diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint as p_inpaint
import diffusers.pipelines.controlnet.pipeline_controlnet_inpaint_sd_xl as p_cn_inpaint
import diffusers.pipelines.controlnet.pipeline_controlnet_union_sd_xl_img2img as p_union

for m in (p_img2img, p_inpaint, p_cn_inpaint, p_union):
    m.randn_tensor = noise
    m.retrieve_latents = lambda out, generator=None, sample_mode="sample": out.latent_dist.mode()  # the mean: nothing is drawn


def schedule():
    return EulerDiscreteScheduler(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing", steps_offset=1)


S = 128
photo, masked_area = (field("photo", 1, 3, S, S) + 1) / 2, torch.zeros(1, 1, S, S)
masked_area[:, :, 32:96, 40:104] = 1
images = [(field(n + " photo", 1, 3, S, S) + 1) / 2 for n in ("controlnet_tile", "controlnet_canny")]
text_args = dict(prompt_embeds=field("context", 1, 77, CONTEXT), pooled_prompt_embeds=field("pooled", 1, POOLED), guidance_scale=0.0, output_type="pt",
                 original_size=(1024, 1024), target_size=(1024, 1024))
nets["vae"].config.force_upcast = False
base = dict(text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None, vae=nets["vae"])
runs = {}


def run(name, **kw):
    out = kw.pop("pipe")(**text_args, **kw).images
    assert out.shape == (1, 3, S, S)
    v = out.numpy().astype(np.float32).ravel()
    runs[name] = {"shape": list(out.shape), "step": 11, "values": [float(x) for x in v[::11]]}


with torch.no_grad():
    control = [nets["controlnet_tile"], nets["controlnet_canny"]]
    img2img = StableDiffusionXLControlNetImg2ImgPipeline(**base, unet=nets["unet"], controlnet=control, scheduler=schedule(), add_watermarker=False)
    for steps, strength in ((8, 0.25), (4, 0.5), (4, 1.0), (2, 0.5)):
        run(f"img2img {steps} {strength}", pipe=img2img, image=photo, control_image=images, num_inference_steps=steps, strength=strength,
            controlnet_conditioning_scale=[0.75, 0.5], control_guidance_start=[0.0, 0.0], control_guidance_end=[1.0, 1.0])
    run("img2img 4 1.0 guided in part", pipe=img2img, image=photo, control_image=images, num_inference_steps=4, strength=1.0,
        controlnet_conditioning_scale=[0.75, 0.5], control_guidance_start=[0.0, 0.5], control_guidance_end=[0.5, 1.0])
    several = StableDiffusionXLControlNetUnionImg2ImgPipeline(**base, unet=nets["unet"], controlnet=nets["controlnet_promax"], scheduler=schedule(), add_watermarker=False)
    for name, kw in (("", dict(strength=0.5)), (" guided in part", dict(strength=1.0, control_guidance_start=[0.0, 0.5], control_guidance_end=[0.5, 1.0]))):
        run(f"promax img2img{name}", pipe=several, image=photo, control_image=images, control_mode=[6, 3], num_inference_steps=4, controlnet_conditioning_scale=[0.75, 0.5], **kw)
    run("promax img2img of lines", pipe=several, image=photo, control_image=images[1:], control_mode=[3], num_inference_steps=4, strength=0.5, controlnet_conditioning_scale=[0.5])
    for name in ("unet", "unet_inpaint"):
        pipe = StableDiffusionXLInpaintPipeline(**base, unet=nets[name], scheduler=schedule(), add_watermarker=False)
        for strength in (0.5, 1.0):
            run(f"{name} inpaint {strength}", pipe=pipe, image=photo, mask_image=masked_area, height=S, width=S, num_inference_steps=4, strength=strength)
with open(os.path.join(here, "pipelines.json"), "w") as f:
    f.write(write({"versions": versions, "runs": runs}) + "\n")
