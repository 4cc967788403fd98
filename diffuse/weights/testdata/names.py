"""What diffusers makes of the names of single files: names.json, pairs of a name and its name in diffusers.

python3 -m venv env && env/bin/pip install diffusers==0.42.1 torch==2.15.0 transformers==5.24.0 accelerate==1.15.0
env/bin/python diffuse/weights/testdata/names.py   # rewrites names.json beside it

The names of SGM and LDM are put together here from the layers of those networks, with one transformer layer at each place; diffusers converts them.
"""
import json, os
import torch, diffusers
from diffusers.loaders import single_file_utils as u

assert diffusers.__version__ == "0.42.1"
out = {}


def convert(key, names, f):
    """Each name is given a tensor of its own size; the converted name is that of the tensor of this size."""
    sizes = {n: i + 1 for i, n in enumerate(names)}
    got = f({n: torch.empty(s, device="meta") for n, s in sizes.items()})
    back = {v.shape[0]: k for k, v in got.items()}
    out[key] = [[n, back[s]] for n, s in sizes.items()]
    assert len(got) == len(names), (key, len(got), len(names))


wb = lambda n: [n + ".weight", n + ".bias"]
res = lambda p, skip: sum((wb(p + x) for x in ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"] + ["skip_connection"] * skip), [])


def transformer(p):
    names = wb(p + "norm") + wb(p + "proj_in") + wb(p + "proj_out")
    b = p + "transformer_blocks.0."
    for a in ("attn1", "attn2"):
        names += [f"{b}{a}.to_{x}.weight" for x in "qkv"] + wb(f"{b}{a}.to_out.0")
    return names + sum((wb(b + x) for x in ["norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"]), [])


half = wb("input_blocks.0.0") + wb("time_embed.0") + wb("time_embed.2") + wb("label_emb.0.0") + wb("label_emb.0.2")
for i in range(1, 9):
    level, r = (i - 1) // 3, (i - 1) % 3
    if r == 2:
        half += wb(f"input_blocks.{i}.0.op")
        continue
    half += res(f"input_blocks.{i}.0.", r == 0 and level > 0)
    if level > 0:
        half += transformer(f"input_blocks.{i}.1.")
half += res("middle_block.0.", False) + transformer("middle_block.1.") + res("middle_block.2.", False)
up = wb("out.0") + wb("out.2")
for i in range(9):
    up += res(f"output_blocks.{i}.0.", True)
    if i < 6:
        up += transformer(f"output_blocks.{i}.1.")
    if i in (2, 5):
        up += wb(f"output_blocks.{i}.2.conv")
config = dict(class_embed_type=None, addition_embed_type="text_time", layers_per_block=2, num_class_embeds=None)
P = "model.diffusion_model."
convert("unet", [P + n for n in half + up], lambda c: u.convert_ldm_unet_checkpoint(c, config))

control = [n for n in half if not n.startswith("label_emb")] + sum((wb(f"zero_convs.{i}.0") for i in range(9)), []) + sum((wb(f"input_hint_block.{2 * i}") for i in range(8)), []) + wb("middle_block_out.0")
convert("controlnet", ["control_model." + n for n in control], lambda c: u.convert_controlnet_checkpoint(
    c, dict(config, conditioning_embedding_out_channels=[16, 32, 96, 256], in_channels=4)))

block = lambda p, skip: sum((wb(p + x) for x in ["norm1", "conv1", "norm2", "conv2"] + ["nin_shortcut"] * skip), [])
vae = wb("quant_conv") + wb("post_quant_conv")
for half_name, blocks in (("encoder", 2), ("decoder", 3)):
    vae += wb(half_name + ".conv_in") + wb(half_name + ".conv_out") + wb(half_name + ".norm_out")
    vae += block(half_name + ".mid.block_1.", False) + block(half_name + ".mid.block_2.", False)
    vae += sum((wb(f"{half_name}.mid.attn_1.{x}") for x in ["norm", "q", "k", "v", "proj_out"]), [])
    for l in range(4):
        side = "down" if half_name == "encoder" else "up"
        for b in range(blocks):
            vae += block(f"{half_name}.{side}.{l}.block.{b}.", b == 0 and l in ((1, 2) if side == "down" else (0, 1)))
        if side == "down" and l < 3:
            vae += wb(f"encoder.down.{l}.downsample.conv")
        if side == "up" and l > 0:
            vae += wb(f"decoder.up.{l}.upsample.conv")


def meta4(c):  # attention's matrices are 1×1 convolutions, which the conversion looks at
    return u.convert_ldm_vae_checkpoint(c, dict(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4))


convert("vae", ["first_stage_model." + n for n in vae], meta4)

clip = ["embeddings.token_embedding.weight", "embeddings.position_embedding.weight"] + wb("final_layer_norm")
for x in ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2"]:
    clip += wb(f"encoder.layers.0.{x}")
convert("text_encoder", ["conditioner.embedders.0.transformer.text_model." + n for n in clip],
        lambda c: u.convert_ldm_clip_checkpoint(c, remove_prefix="conditioner.embedders.0.transformer."))

# OpenCLIP's fused and turned matrices hold numbers that say where they go.
D = 4
openclip = ["token_embedding.weight", "positional_embedding"] + wb("ln_final")
for x in ["ln_1", "ln_2", "attn.out_proj", "mlp.c_fc", "mlp.c_proj"]:
    openclip += wb(f"transformer.resblocks.0.{x}")
P2 = "conditioner.embedders.1.model."
c = {P2 + n: torch.full((1,), float(1000 + i)) for i, n in enumerate(openclip)}
c[P2 + "text_projection"] = torch.arange(D * D, dtype=torch.float32).reshape(D, D)
c[P2 + "transformer.resblocks.0.attn.in_proj_weight"] = torch.arange(3 * D * D, dtype=torch.float32).reshape(3 * D, D)
c[P2 + "transformer.resblocks.0.attn.in_proj_bias"] = torch.arange(3 * D, dtype=torch.float32)


class Model:
    class config:
        hidden_size = D
        projection_dim = D
    state_dict = lambda self: {}


got = u.convert_open_clip_checkpoint(Model(), dict(c), prefix=P2)
byvalue = {float(v[0]): k for k, v in got.items() if v.numel() == 1}
out["text_encoder_2"] = [[P2 + n, byvalue[1000.0 + i]] for i, n in enumerate(openclip)]
out["open_clip"] = {k: v.flatten().tolist() for k, v in got.items() if v.numel() > 1}
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "names.json"), "w"), indent=0)
print({k: len(v) for k, v in out.items()})
