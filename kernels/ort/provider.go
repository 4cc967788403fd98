package ort

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/realedit/realedit/kernels"
)

// Provider is where a session runs.
type Provider struct {
	Name    string            // "cpu", "cuda" or "tensorrt"
	Device  int               // the GPU's index; of no meaning for cpu
	Options map[string]string // the provider's own options, passed on as they are over the defaults of docs/ort.md
}

// String is what ParseProvider reads: "cpu", "cuda:0", "tensorrt:1".
func (p Provider) String() string {
	if p.Name == "cpu" {
		return p.Name
	}
	return p.Name + ":" + strconv.Itoa(p.Device)
}

// ParseProvider reads "cpu", "cuda", "cuda:1", "tensorrt:0"; without a number it is GPU 0. Errors wrap kernels.ErrInvalid.
func ParseProvider(s string) (Provider, error) {
	name, device, numbered := strings.Cut(s, ":")
	p := Provider{Name: name}
	var err error
	if numbered {
		if p.Device, err = strconv.Atoi(device); err != nil || name == "cpu" {
			return p, badProvider(s)
		}
	}
	return p, p.check()
}

func (p Provider) check() error {
	if p.Name != "cpu" && p.Name != "cuda" && p.Name != "tensorrt" || p.Device < 0 || p.Device > 1023 {
		return badProvider(p.String())
	}
	return nil
}

func badProvider(s string) error {
	return &kernels.ArgError{Op: "ort", Arg: "Provider", Msg: fmt.Sprintf("%q is not cpu, cuda:N or tensorrt:N", s)}
}

// settings are the options that the provider is given. The arena grows by what is asked for and no more, and the search for convolutions
// neither tries everything nor takes the workspace that this needs: with ONNX Runtime's own defaults a session takes several times its weights.
func (p Provider) settings(memory int64) map[string]string {
	o := map[string]string{"device_id": strconv.Itoa(p.Device)}
	if p.Name == "cuda" {
		o["arena_extend_strategy"] = "kSameAsRequested"
		o["cudnn_conv_algo_search"] = "HEURISTIC"
		o["cudnn_conv_use_max_workspace"] = "0"
		o["do_copy_in_default_stream"] = "1"
		if memory > 0 {
			o["gpu_mem_limit"] = strconv.FormatInt(memory, 10)
		}
	}
	maps.Copy(o, p.Options)
	return o
}
