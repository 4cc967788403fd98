package lora

import (
	"regexp"
	"strings"

	"github.com/realedit/realedit/diffuse/weights"
)

// role is what a tensor of a LoRA is to its module.
type role int

const (
	down role = iota
	up
	alpha
)

// endings are how files name the roles; the rest of a key names the module.
var endings = []struct {
	text string
	role role
}{
	{".lora_down.weight", down}, {".lora_up.weight", up},
	{".lora_A.weight", down}, {".lora_B.weight", up},
	{".lora_A.default.weight", down}, {".lora_B.default.weight", up},
	{".lora.down.weight", down}, {".lora.up.weight", up},
	{".lora_linear_layer.down.weight", down}, {".lora_linear_layer.up.weight", up},
	{"_lora.down.weight", down}, {"_lora.up.weight", up}, // of an attention processor
	{".lora.alpha", alpha}, {"_lora.alpha", alpha}, {".alpha", alpha},
}

// others are marks of files that are no LoRAs in this sense, and what they are; $ is a key's end.
var others = []struct{ mark, kind string }{
	{".dora_scale", "DoRA"}, {".lora_magnitude_vector", "DoRA"}, {".hada_", "LoHa"}, {".lokr_", "LoKr"}, {".oft_", "OFT"}, {".boft_", "OFT"}, {".lora_mid.", "LoCon with Tucker decomposition"},
	{".diff$", "differences of whole tensors"}, {".diff_b$", "differences of whole tensors"}, {".bundle_emb", "a text embedding"}, {".w_norm", "changes of normalisations"}, {".b_norm", "changes of normalisations"},
}

// owners are the prefixes of keys, and whose they are; none begins another.
var owners = []struct {
	prefix  string
	network weights.Network
}{
	{"lora_unet_", weights.UNet}, {"unet.", weights.UNet},
	{"lora_te1_", weights.TextEncoder}, {"text_encoder.", weights.TextEncoder},
	{"lora_te2_", weights.TextEncoder2}, {"text_encoder_2.", weights.TextEncoder2},
}

// peftPrefix begins the keys of files that PEFT wrote by itself.
const peftPrefix = "base_model.model."

// split takes a key apart: whose it is, which module, what it is to that. Without a prefix it is the UNet's. ok is false for a key of no known form.
func split(key string) (n weights.Network, module string, r role, ok bool) {
	key = strings.TrimPrefix(key, peftPrefix)
	n = weights.UNet
	for _, o := range owners {
		if rest, found := strings.CutPrefix(key, o.prefix); found {
			n, key = o.network, rest
			break
		}
	}
	for _, e := range endings {
		if module, ok = strings.CutSuffix(key, e.text); ok {
			return n, module, e.role, true
		}
	}
	return n, "", 0, false
}

// modules finds the tensors that modules' names mean.
type modules map[string]string // by the name without dots

func newModules(base *weights.Set) modules {
	m := modules{}
	for _, name := range base.Names() {
		if own, ok := strings.CutSuffix(name, ".weight"); ok {
			m[flat(own)] = name
		}
	}
	return m
}

func flat(name string) string { return strings.ReplaceAll(name, ".", "_") }

var sgmBlock = regexp.MustCompile(`^(input_blocks|output_blocks|middle_block)_(\d+(?:_\d)?)_(.*)$`)

// find is the tensor of a module, by diffusers' name with dots or underscores, an attention processor's, or SGM's with underscores.
func (m modules) find(module string) (string, bool) {
	f := flat(strings.Replace(module, ".processor.", ".", 1))
	for _, try := range []string{f, f + "_0", "text_model_" + f} { // to_out_lora is of to_out.0
		if name, ok := m[try]; ok {
			return name, true
		}
	}
	if b := sgmBlock.FindStringSubmatch(f); b != nil {
		at := b[1] + "." + strings.ReplaceAll(b[2], "_", ".") + "."
		if inside := weights.SGM(at + "proj_in.weight"); inside != "" { // within a transformer names are diffusers'
			if name, ok := m[flat(strings.TrimSuffix(inside, "proj_in.weight"))+b[3]]; ok {
				return name, true
			}
		}
		f = at + dotted(b[3])
	} else {
		f = dotted(f)
	}
	own, ok := strings.CutSuffix(weights.SGM(f+".weight"), ".weight")
	if !ok {
		return "", false
	}
	name, ok := m[flat(own)]
	return name, ok
}

// dotted puts the dots back into the name of a layer of SGM's that is no transformer's: in_layers_2, time_embed_0, label_emb_0_2, skip_connection, op, conv.
func dotted(layer string) string {
	for _, p := range []string{"in_layers_", "out_layers_", "emb_layers_", "time_embed_", "label_emb_", "out_"} {
		if n, ok := strings.CutPrefix(layer, p); ok {
			return strings.TrimSuffix(p, "_") + "." + strings.ReplaceAll(n, "_", ".")
		}
	}
	return layer
}
