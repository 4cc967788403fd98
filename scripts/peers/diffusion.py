"""diffusers' time for what diffusebench's picture does: tiles of SDXL img2img, one step, two ControlNets, autoencoder both ways, random float16 weights.

python diffusion.py [BATCH ...]    with diffusers 0.42.1 and torch on a GPU; prints the time of each network and of all tiles, host to host
"""
import sys, time
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel

TILES, SIDE = 96, 768
dev, half = "cuda", torch.float16
shape = dict(block_out_channels=(320, 640, 1280), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), transformer_layers_per_block=(1, 2, 10),
             attention_head_dim=(5, 10, 20), cross_attention_dim=2048, use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
             projection_class_embeddings_input_dim=2816)
torch.manual_seed(0)
torch.backends.cudnn.benchmark = True
with torch.device(dev):
    torch.set_default_dtype(half)
    unet = UNet2DConditionModel(up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), sample_size=128, **shape).eval()
    nets = [ControlNetModel(**shape).eval() for _ in range(2)]
    vae = AutoencoderKL(block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2,
                        latent_channels=4, sample_size=1024).eval()
for n in nets:  # what begins at zero
    for p in list(n.controlnet_down_blocks.parameters()) + list(n.controlnet_mid_block.parameters()):
        torch.nn.init.normal_(p, std=0.02)


@torch.no_grad()
def picture(batch, only=None):
    """One batch after another, as a pipeline would; returns seconds a network."""
    spent = dict.fromkeys(("encoder", "controlnets", "unet", "decoder"), 0.0)
    host = torch.rand(batch, 3, SIDE, SIDE).to(half)
    text, pooled = torch.randn(batch, 77, 2048, device=dev, dtype=half), torch.randn(batch, 1280, device=dev, dtype=half)
    added = {"text_embeds": pooled, "time_ids": torch.tensor([[1024, 1024, 0, 0, 1024, 1024]] * batch, device=dev, dtype=half)}
    t = torch.tensor([249.0], device=dev)
    noise = torch.randn(batch, 4, SIDE // 8, SIDE // 8, device=dev, dtype=half)

    def part(name, f):
        torch.cuda.synchronize()
        start = time.perf_counter()
        r = f()
        torch.cuda.synchronize()
        spent[name] += time.perf_counter() - start
        return r

    begin = time.perf_counter()
    for _ in range(TILES // batch):
        z = part("encoder", lambda: vae.encode(host.to(dev) * 2 - 1).latent_dist.mode() * 0.13025)
        x = z + noise * 0.693205
        x_in = x / (0.693205**2 + 1) ** 0.5

        def controls():
            down, mid = None, None
            for n in nets:
                d, m = n(x_in, t, encoder_hidden_states=text, controlnet_cond=host.to(dev), conditioning_scale=0.5, added_cond_kwargs=added, return_dict=False)
                down, mid = (d, m) if down is None else ([a + b for a, b in zip(down, d)], mid + m)
            return down, mid

        down, mid = part("controlnets", controls)
        eps = part("unet", lambda: unet(x_in, t, encoder_hidden_states=text, added_cond_kwargs=added, down_block_additional_residuals=down, mid_block_additional_residual=mid, return_dict=False)[0])
        part("decoder", lambda: vae.decode((x - 0.693205 * eps) / 0.13025, return_dict=False)[0].cpu())
    return time.perf_counter() - begin, spent


for batch in [int(b) for b in sys.argv[1:]] or [1, 4, 8]:
    picture(batch)
    best = min((picture(batch) for _ in range(2)), key=lambda r: r[0])
    per = ", ".join(f"{k} {1000 * v / TILES:.1f}" for k, v in best[1].items())
    print(f"diffusers batch {batch}: {TILES} tiles of {SIDE}² in {best[0]:.2f} s; ms a tile: {per}; {torch.cuda.max_memory_allocated() / 1e9:.1f} GB", flush=True)
