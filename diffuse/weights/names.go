package weights

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// part is a tensor, or one of several that lie in one behind the other, under the name that it has here.
type part struct {
	name       string
	index, of  int // of a tensor of several matrices; of 0 = it is one
	transposed bool
}

// names say what tensors of a file are of a network: none, one, or several that lie in one.
var names = map[Network]func(string) []part{
	UNet: func(n string) []part {
		if own, ok := strings.CutPrefix(n, "model.diffusion_model."); ok {
			return one(SGM(own))
		}
		if foreign(n) {
			return nil
		}
		return one(either(n, SGM))
	},
	ControlNet: func(n string) []part {
		return one(either(strings.TrimPrefix(n, "control_model."), controlSGM))
	},
	VAE: func(n string) []part {
		if own, ok := strings.CutPrefix(n, "first_stage_model."); ok {
			return one(vaeLDM(own))
		}
		if foreign(n) {
			return nil
		}
		return one(attentionVAE(either(n, vaeLDM)))
	},
	TextEncoder: func(n string) []part {
		own, single := strings.CutPrefix(n, "conditioner.embedders.0.transformer.")
		if !single && foreign(n) {
			return nil
		}
		return one(textName(own))
	},
	TextEncoder2: func(n string) []part {
		if own, ok := strings.CutPrefix(n, "conditioner.embedders.1.model."); ok {
			return openCLIP(own)
		}
		if foreign(n) {
			return nil
		}
		return one(textName(n))
	},
}

// foreign is whether a name is of a part of a single file that is for another network.
func foreign(n string) bool {
	for _, p := range []string{"model.diffusion_model.", "first_stage_model.", "conditioner.", "denoiser.", "model_ema."} {
		if strings.HasPrefix(n, p) {
			return true
		}
	}
	return false
}

func one(name string) []part {
	if name == "" {
		return nil
	}
	return []part{{name: name}}
}

// either is the name that map knows, or the name itself.
func either(n string, mapped func(string) string) string {
	if m := mapped(n); m != "" {
		return m
	}
	return n
}

// rule replaces a name that matches whole.
type rule struct {
	re *regexp.Regexp
	to func(m []string) string
}

func rules(pairs ...any) (r []rule) {
	for i := 0; i < len(pairs); i += 2 {
		re := regexp.MustCompile("^(?:" + pairs[i].(string) + ")$")
		switch to := pairs[i+1].(type) {
		case string:
			r = append(r, rule{re, func(m []string) string {
				s := to
				for k := len(m) - 1; k > 0; k-- {
					s = strings.ReplaceAll(s, fmt.Sprintf("$%d", k), m[k])
				}
				return s
			}})
		case func(m []string) string:
			r = append(r, rule{re, to})
		}
	}
	return r
}

func apply(rules []rule, n string) string {
	for _, r := range rules {
		if m := r.re.FindStringSubmatch(n); m != nil {
			return r.to(m)
		}
	}
	return ""
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// resnetSGM are the layers of a residual block of SGM's UNet.
var resnetSGM = map[string]string{"in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2", "out_layers.3": "conv2",
	"skip_connection": "conv_shortcut"}

const (
	layer = `(in_layers\.0|in_layers\.2|emb_layers\.1|out_layers\.0|out_layers\.3|skip_connection)\.(weight|bias)`
	block = `((?:norm|proj_in|proj_out|transformer_blocks)\..*)`
)

// halfSGM are the parts that a UNet and a ControlNet have both.
var halfSGM = rules(
	`input_blocks\.0\.0\.(weight|bias)`, "conv_in.$1",
	`time_embed\.0\.(weight|bias)`, "time_embedding.linear_1.$1",
	`time_embed\.2\.(weight|bias)`, "time_embedding.linear_2.$1",
	`label_emb\.0\.0\.(weight|bias)`, "add_embedding.linear_1.$1",
	`label_emb\.0\.2\.(weight|bias)`, "add_embedding.linear_2.$1",
	`input_blocks\.(\d+)\.0\.op\.(weight|bias)`, func(m []string) string {
		return fmt.Sprintf("down_blocks.%d.downsamplers.0.conv.%s", (number(m[1])-1)/3, m[2])
	},
	`input_blocks\.(\d+)\.0\.`+layer, func(m []string) string {
		i := number(m[1]) - 1
		return fmt.Sprintf("down_blocks.%d.resnets.%d.%s.%s", i/3, i%3, resnetSGM[m[2]], m[3])
	},
	`input_blocks\.(\d+)\.1\.`+block, func(m []string) string {
		i := number(m[1]) - 1
		return fmt.Sprintf("down_blocks.%d.attentions.%d.%s", i/3, i%3, m[2])
	},
	`middle_block\.([02])\.`+layer, func(m []string) string {
		return fmt.Sprintf("mid_block.resnets.%d.%s.%s", number(m[1])/2, resnetSGM[m[2]], m[3])
	},
	`middle_block\.1\.`+block, "mid_block.attentions.0.$1",
)

// upSGM is the ascending half of a UNet.
var upSGM = rules(
	`out\.0\.(weight|bias)`, "conv_norm_out.$1",
	`out\.2\.(weight|bias)`, "conv_out.$1",
	`output_blocks\.(\d+)\.0\.`+layer, func(m []string) string {
		i := number(m[1])
		return fmt.Sprintf("up_blocks.%d.resnets.%d.%s.%s", i/3, i%3, resnetSGM[m[2]], m[3])
	},
	`output_blocks\.(\d+)\.1\.`+block, func(m []string) string {
		i := number(m[1])
		return fmt.Sprintf("up_blocks.%d.attentions.%d.%s", i/3, i%3, m[2])
	},
	`output_blocks\.(\d+)\.[12]\.conv\.(weight|bias)`, func(m []string) string {
		return fmt.Sprintf("up_blocks.%d.upsamplers.0.conv.%s", number(m[1])/3, m[2])
	},
)

// SGM is diffusers' name of a tensor of SGM's UNet, without a single file's prefix; "" where it is none.
func SGM(name string) string {
	if m := apply(halfSGM, name); m != "" {
		return m
	}
	return apply(upSGM, name)
}

// hintSGM is what a ControlNet reads its image with, and what it gives.
var hintSGM = rules(
	`input_hint_block\.(\d+)\.(weight|bias)`, func(m []string) string {
		switch i := number(m[1]) / 2; i {
		case 0:
			return "controlnet_cond_embedding.conv_in." + m[2]
		case 7:
			return "controlnet_cond_embedding.conv_out." + m[2]
		default:
			return fmt.Sprintf("controlnet_cond_embedding.blocks.%d.%s", i-1, m[2])
		}
	},
	`zero_convs\.(\d+)\.0\.(weight|bias)`, "controlnet_down_blocks.$1.$2",
	`middle_block_out\.0\.(weight|bias)`, "controlnet_mid_block.$1",
)

func controlSGM(n string) string {
	if m := apply(halfSGM, n); m != "" {
		return m
	}
	return apply(hintSGM, n)
}

// attentionLDM are the layers of attention in LDM's autoencoder, and attentionOld those of its first form in diffusers.
var (
	attentionLDM = map[string]string{"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
	attentionOld = map[string]string{"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
)

func shortcut(layer string) string { return strings.Replace(layer, "nin_shortcut", "conv_shortcut", 1) }

const resLDM = `((?:norm1|conv1|norm2|conv2|nin_shortcut)\.(?:weight|bias))`

var ldm = rules(
	`((?:quant_conv|post_quant_conv|encoder\.conv_in|encoder\.conv_out|decoder\.conv_in|decoder\.conv_out)\.(?:weight|bias))`, "$1",
	`(encoder|decoder)\.norm_out\.(weight|bias)`, "$1.conv_norm_out.$2",
	`encoder\.down\.(\d+)\.block\.(\d+)\.`+resLDM, func(m []string) string {
		return fmt.Sprintf("encoder.down_blocks.%s.resnets.%s.%s", m[1], m[2], shortcut(m[3]))
	},
	`encoder\.down\.(\d+)\.downsample\.conv\.(weight|bias)`, "encoder.down_blocks.$1.downsamplers.0.conv.$2",
	`decoder\.up\.(\d+)\.block\.(\d+)\.`+resLDM, func(m []string) string {
		return fmt.Sprintf("decoder.up_blocks.%d.resnets.%s.%s", 3-number(m[1]), m[2], shortcut(m[3]))
	},
	`decoder\.up\.(\d+)\.upsample\.conv\.(weight|bias)`, func(m []string) string {
		return fmt.Sprintf("decoder.up_blocks.%d.upsamplers.0.conv.%s", 3-number(m[1]), m[2])
	},
	`(encoder|decoder)\.mid\.block_([12])\.`+resLDM, func(m []string) string {
		return fmt.Sprintf("%s.mid_block.resnets.%d.%s", m[1], number(m[2])-1, shortcut(m[3]))
	},
	`(encoder|decoder)\.mid\.attn_1\.(norm|q|k|v|proj_out)\.(weight|bias)`, func(m []string) string {
		return fmt.Sprintf("%s.mid_block.attentions.0.%s.%s", m[1], attentionLDM[m[2]], m[3])
	},
)

func vaeLDM(n string) string { return apply(ldm, n) }

var oldAttention = regexp.MustCompile(`^(.*\.attentions\.\d+\.)(query|key|value|proj_attn)(\.(?:weight|bias))$`)

// attentionVAE is a name of an autoencoder whose attention may have the names that diffusers first gave it.
func attentionVAE(n string) string {
	if m := oldAttention.FindStringSubmatch(n); m != nil {
		return m[1] + attentionOld[m[2]] + m[3]
	}
	return n
}

// textName is a name of a text encoder; what is no weight is none. Newer versions of transformers leave the prefix out.
func textName(n string) string {
	switch {
	case strings.HasSuffix(n, "position_ids"), n == "logit_scale":
		return ""
	case strings.HasPrefix(n, "embeddings."), strings.HasPrefix(n, "encoder.layers."), strings.HasPrefix(n, "final_layer_norm."):
		return "text_model." + n
	}
	return n
}

var openCLIPNames = rules(
	`token_embedding\.weight`, "text_model.embeddings.token_embedding.weight",
	`positional_embedding`, "text_model.embeddings.position_embedding.weight",
	`ln_final\.(weight|bias)`, "text_model.final_layer_norm.$1",
	`transformer\.resblocks\.(\d+)\.ln_([12])\.(weight|bias)`, "text_model.encoder.layers.$1.layer_norm$2.$3",
	`transformer\.resblocks\.(\d+)\.attn\.out_proj\.(weight|bias)`, "text_model.encoder.layers.$1.self_attn.out_proj.$2",
	`transformer\.resblocks\.(\d+)\.mlp\.c_fc\.(weight|bias)`, "text_model.encoder.layers.$1.mlp.fc1.$2",
	`transformer\.resblocks\.(\d+)\.mlp\.c_proj\.(weight|bias)`, "text_model.encoder.layers.$1.mlp.fc2.$2",
)

var fused = regexp.MustCompile(`^transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)$`)

// openCLIP is a name of OpenCLIP's text encoder, which has queries, keys and values in one matrix and its projection the other way round.
func openCLIP(n string) []part {
	if n == "text_projection" {
		return []part{{name: "text_projection.weight", transposed: true}}
	}
	if m := fused.FindStringSubmatch(n); m != nil {
		var p []part
		for i, which := range []string{"q", "k", "v"} {
			p = append(p, part{name: fmt.Sprintf("text_model.encoder.layers.%s.self_attn.%s_proj.%s", m[1], which, m[2]), index: i, of: 3})
		}
		return p
	}
	return one(apply(openCLIPNames, n))
}
