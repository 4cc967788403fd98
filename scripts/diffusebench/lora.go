package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/realedit/realedit/diffuse/lora"
	"github.com/realedit/realedit/diffuse/safetensors"
	"github.com/realedit/realedit/diffuse/weights"
	"github.com/realedit/realedit/internal/procmem"
	tiny "github.com/realedit/realedit/internal/tinysdxl"
)

// timeLoRA times the merge of a LoRA of all of the UNet's layers, as SDXL-Lightning's is one, and its second use.
func timeLoRA(dir string, rank int) error {
	base, err := weights.Open(weights.UNet, filepath.Join(dir, "unet.safetensors"))
	if err != nil {
		return err
	}
	defer base.Close()
	var specs []safetensors.Spec
	for _, name := range base.Names() {
		own, ok := strings.CutSuffix(name, ".weight")
		r, _ := base.Lookup(name)
		if !ok || len(r.Shape) < 2 {
			continue
		}
		down, up := []int{rank}, []int{r.Shape[0], rank}
		down = append(down, r.Shape[1:]...)
		for range len(r.Shape) - 2 {
			up = append(up, 1)
		}
		own = "lora_unet_" + strings.ReplaceAll(own, ".", "_")
		specs = append(specs, safetensors.Spec{Name: own + ".lora_down.weight", DType: safetensors.F16, Shape: down}, safetensors.Spec{Name: own + ".lora_up.weight", DType: safetensors.F16, Shape: up})
	}
	path := filepath.Join(dir, "lora.safetensors")
	if err := safetensors.WriteFile(path, nil, specs, func(i int, w io.Writer) error {
		n := 1
		for _, d := range specs[i].Shape {
			n *= d
		}
		v := tiny.Field(specs[i].Name, n)
		for k := range v {
			v[k] *= 0.01
		}
		b, _ := safetensors.FromF32(safetensors.F16, v)
		_, err := w.Write(b)
		return err
	}); err != nil {
		return err
	}
	cache := filepath.Join(dir, "merged")
	if err := os.RemoveAll(cache); err != nil {
		return err
	}
	for range 2 {
		start := time.Now()
		m, err := lora.Merge(context.Background(), base, []lora.LoRA{{Path: path, Weight: 1}}, safetensors.Cache{Dir: cache})
		if err != nil {
			return err
		}
		fmt.Printf("rank %d: %d tensors in %.1f s, cached %v, anonymous memory now %.0f MB\n", rank, m.Changed, time.Since(start).Seconds(), m.Cached, float64(procmem.Bytes("RssAnon"))/1e6)
	}
	return nil
}
