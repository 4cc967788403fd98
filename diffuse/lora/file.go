package lora

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
)

// change is what a LoRA does to a tensor.
type change struct {
	target     string  // in the base
	module     string  // in the LoRA, for errors
	up, down   string  // tensors of the LoRA
	alpha      string  // "" = there is none
	config     *config // PEFT's; nil = there is none
	rank       int
	out, in    int // of the target as a matrix
	scale      float32
	from       *safetensors.File
	name, hash string // of the file
}

// read takes a LoRA's file apart for a base. others is how many modules are of other networks.
func read(ctx context.Context, l *LoRA, base *weights.Set, known modules) (changes []*change, other int, err error) {
	f, err := safetensors.Open(l.Path)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	name := filepath.Base(l.Path)
	bad := func(format string, a ...any) error { return realedit.Errorf(realedit.CodeBadModel, name, format, a...) }
	hash, err := f.SHA256(ctx)
	if err != nil {
		return nil, 0, err
	}
	inside, err := readInside(f, name)
	if err != nil {
		return nil, 0, err
	}
	type parts struct {
		network weights.Network
		tensor  [3]string
		config  *config
	}
	all := map[string]*parts{}
	var beside *config
	for _, key := range f.Names() {
		for _, o := range others {
			if strings.Contains(key+"$", o.mark) {
				return nil, 0, bad("tensor %q: this is %s, which is not supported", key, o.kind)
			}
		}
		n, module, r, ok := split(key)
		if !ok {
			return nil, 0, bad("tensor %q is not of a LoRA's", key)
		}
		id := string(n) + " " + module
		if all[id] == nil {
			all[id] = &parts{network: n, config: inside[n]}
		}
		if strings.HasPrefix(key, peftPrefix) {
			if beside == nil {
				var own string
				if beside, own, err = readBeside(l.Path); err != nil {
					return nil, 0, err
				}
				hash += "+" + own
			}
			all[id].config = beside
		}
		if all[id].tensor[r] != "" {
			return nil, 0, bad("tensors %q and %q are the same to %s", all[id].tensor[r], key, module)
		}
		all[id].tensor[r] = key
	}
	var strange []string
	mine := 0
	for id, p := range all {
		_, module, _ := strings.Cut(id, " ")
		if p.tensor[down] == "" || p.tensor[up] == "" {
			return nil, 0, bad("module %s: up or down is missing", module)
		}
		if p.network != base.Network() {
			other++
			continue
		}
		mine++
		target, ok := known.find(module)
		if !ok {
			strange = append(strange, module)
			continue
		}
		changes = append(changes, &change{target: target, module: module, up: p.tensor[up], down: p.tensor[down], alpha: p.tensor[alpha], config: p.config, scale: l.weight(), from: f, name: name, hash: hash})
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return nil, 0, bad("it is for another model: %d of %d modules are not in %s, the first %s", len(strange), mine, base.Name(), strange[0])
	}
	slices.SortFunc(changes, func(a, b *change) int { return strings.Compare(a.target, b.target) })
	for i, c := range changes {
		if i > 0 && changes[i-1].target == c.target {
			return nil, 0, bad("modules %s and %s are the same", changes[i-1].module, c.module)
		}
		if err := c.fit(base); err != nil {
			return nil, 0, err
		}
	}
	if len(changes) == 0 && other == 0 {
		return nil, 0, bad("there is nothing in it")
	}
	if len(changes) == 0 {
		f.Close()
	}
	return changes, other, nil
}

// maxRank is beyond all ranks that LoRAs are trained with, and that a matrix of SDXL can use.
const maxRank = 4096

// fit checks the shapes of up and down against the tensor that they change, and reads alpha.
func (c *change) fit(base *weights.Set) error {
	bad := func(format string, a ...any) error {
		return realedit.Errorf(realedit.CodeBadModel, c.name, "module "+c.module+": "+format, a...)
	}
	u, _ := c.from.Shape(c.up)
	d, _ := c.from.Shape(c.down)
	w, _ := base.Lookup(c.target)
	if len(u) < 2 || len(d) < 2 || len(w.Shape) < 2 {
		return bad("up %v, down %v and the tensor %v are no matrices", u, d, w.Shape)
	}
	c.rank, c.out, c.in = d[0], w.Shape[0], product(w.Shape[1:])
	if c.out < 1 || c.in < 1 {
		return bad("the tensor %v is empty", w.Shape)
	}
	if c.rank < 1 || c.rank > maxRank {
		return bad("the rank of down %v is not 1 to %d", d, maxRank)
	}
	if u[1] != c.rank || product(u[2:]) != 1 {
		return bad("up %v and down %v have no rank in common", u, d)
	}
	if u[0] != c.out || product(d[1:]) != c.in {
		return bad("up %v and down %v do not fit the tensor's %v", u, d, w.Shape)
	}
	a := float32(c.rank)
	if c.config != nil {
		a = float32(c.config.of(c.module, c.rank))
	}
	if c.alpha != "" {
		v := make([]float32, 1)
		if s, _ := c.from.Tensor(c.alpha); s.Elements() != 1 {
			return bad("alpha has the shape %v", s.Shape)
		}
		if err := c.from.ReadF32(c.alpha, v); err != nil {
			return err
		}
		if c.config != nil && v[0] != a {
			return bad("alpha is %v by its tensor, %v by PEFT's configuration", v[0], a)
		}
		a = v[0]
	}
	c.scale *= a / float32(c.rank)
	if math.IsNaN(float64(c.scale)) || math.IsInf(float64(c.scale), 0) {
		return bad("alpha is %v", a)
	}
	return nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// matrix reads up or down; numbers that are none are refused.
func (c *change) matrix(tensor string, n int) ([]float32, error) {
	v := make([]float32, n)
	if err := c.from.ReadF32(tensor, v); err != nil {
		return nil, err
	}
	for _, x := range v {
		if math.Float32bits(x)&0x7f800000 == 0x7f800000 {
			return nil, realedit.Errorf(realedit.CodeBadModel, c.name, "tensor %q holds %v", tensor, x)
		}
	}
	return v, nil
}
