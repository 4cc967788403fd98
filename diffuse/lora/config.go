package lora

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
)

// config is what PEFT keeps of an adapter beside its matrices: there, and not in tensors, is its alpha.
type config struct {
	alpha    float64
	patterns []pattern
	root     bool // rank-stabilised (Kalajdzievski 2023): alpha/√rank in place of alpha/rank
}

// pattern is another alpha for the modules whose names end so.
type pattern struct {
	name  *regexp.Regexp
	alpha float64
}

// of is what a module's alpha would be if alpha/rank were its strength.
func (c *config) of(module string, rank int) float64 {
	a := c.alpha
	for _, p := range c.patterns {
		if p.name.MatchString(module) {
			a = p.alpha
			break
		}
	}
	if c.root {
		a *= math.Sqrt(float64(rank))
	}
	return a
}

// prefixes are how diffusers' metadata names the networks.
var prefixes = map[string]weights.Network{"unet.": weights.UNet, "text_encoder.": weights.TextEncoder, "text_encoder_2.": weights.TextEncoder2}

// besideName is the file that PEFT writes beside its tensors.
const besideName = "adapter_config.json"

// readInside reads what diffusers keeps in a file's metadata, one for each network.
func readInside(f *safetensors.File, name string) (map[weights.Network]*config, error) {
	s, ok := f.Metadata()["lora_adapter_metadata"]
	if !ok {
		return nil, nil
	}
	bad := func(what string, err error) error {
		return realedit.Errorf(realedit.CodeBadModel, name, "metadata lora_adapter_metadata%s: %w", what, err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s), &all); err != nil {
		return nil, bad("", err)
	}
	inside := map[weights.Network]*config{}
	for prefix, network := range prefixes {
		own := map[string]json.RawMessage{}
		for k, v := range all {
			if key, ok := strings.CutPrefix(k, prefix); ok {
				own[key] = v
			}
		}
		if len(own) == 0 {
			continue
		}
		c, err := newConfig(own)
		if err != nil {
			return nil, bad(", "+strings.TrimSuffix(prefix, "."), err)
		}
		inside[network] = c
	}
	return inside, nil
}

// readBeside reads what PEFT keeps beside the file at path, and its hash.
func readBeside(path string) (c *config, hash string, err error) {
	bad := func(err error) error {
		return realedit.Errorf(realedit.CodeBadModel, filepath.Base(path), "PEFT keeps alpha in %s beside the file: %w", besideName, err)
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(path), besideName))
	if err != nil {
		return nil, "", bad(err)
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(b, &own); err != nil {
		return nil, "", bad(err)
	}
	if c, err = newConfig(own); err != nil {
		return nil, "", bad(err)
	}
	sum := sha256.Sum256(b)
	return c, hex.EncodeToString(sum[:]), nil
}

func newConfig(own map[string]json.RawMessage) (*config, error) {
	c := &config{}
	var alpha *float64
	var patterns map[string]float64
	for key, v := range map[string]any{"lora_alpha": &alpha, "alpha_pattern": &patterns, "use_rslora": &c.root} {
		if raw, ok := own[key]; ok {
			if err := json.Unmarshal(raw, v); err != nil {
				return nil, errors.New(key + ": " + err.Error())
			}
		}
	}
	if alpha == nil {
		return nil, errors.New("there is no lora_alpha")
	}
	c.alpha = *alpha
	for _, k := range slices.Sorted(maps.Keys(patterns)) { // as PEFT writes them, and takes the first that fits
		name, err := regexp.Compile(`^(?:.*\.)?(?:` + k + `)$`)
		if err != nil {
			return nil, err
		}
		c.patterns = append(c.patterns, pattern{name, patterns[k]})
	}
	return c, nil
}
