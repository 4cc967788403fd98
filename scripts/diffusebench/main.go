// Command diffusebench times SDXL's networks at their published sizes, with random weights, on a GPU.
//
//	diffusebench make DIR                                     weights in float16, 10 GB
//	diffusebench nets -batch 8 -tile 768 -reps 6 DIR          each network, from host tensors to host tensors
//	diffusebench picture -profile 40GB+ -reps 3 DIR           a picture of 45 MP, from host picture to host picture
//	diffusebench lora -rank 64 DIR                            a LoRA of all layers merged into the UNet, on the processor
//	diffusebench fast -executed 2 -reps 8 DIR                 45 MP by way of 1 and the lock
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "diffusebench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("make, nets, picture, fast or lora")
	}
	f := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "make":
		f.Parse(args[1:])
		return makeWeights(f.Arg(0))
	case "lora":
		rank := f.Int("rank", 64, "of the LoRA")
		f.Parse(args[1:])
		return timeLoRA(f.Arg(0), *rank)
	case "nets":
		var o netOptions
		f.IntVar(&o.batch, "batch", 8, "tiles of a run")
		f.IntVar(&o.tile, "tile", 768, "pixels of a tile's side")
		f.IntVar(&o.reps, "reps", 6, "runs after the first")
		f.StringVar(&o.only, "only", "", "networks to time, separated by commas; empty = all")
		options := f.String("cuda", "", "options of the CUDA provider: key=value,…")
		config := f.String("config", "", "entries of the session's configuration: key=value,…")
		f.Parse(args[1:])
		o.cuda, o.config = pairs(*options), pairs(*config)
		return timeNets(f.Arg(0), &o)
	case "picture", "fast":
		var o pictureOptions
		f.StringVar(&o.profile, "profile", "40GB+", "8GB, 16GB-int8, 24GB or 40GB+")
		f.IntVar(&o.width, "width", 8183, "pixels")
		f.IntVar(&o.height, "height", 5455, "pixels")
		f.IntVar(&o.tile, "tile", 768, "pixels of a tile's side")
		f.IntVar(&o.overlap, "overlap", 64, "pixels that tiles share at least")
		f.IntVar(&o.steps, "steps", 4, "steps of the schedule")
		f.IntVar(&o.executed, "executed", 1, "steps that are executed")
		f.IntVar(&o.controls, "controls", 2, "ControlNets, up to 2")
		f.IntVar(&o.batch, "batch", 0, "tiles of a run; 0 = the profile's")
		f.IntVar(&o.vaeBatch, "vae-batch", 0, "and of the autoencoder's")
		f.IntVar(&o.reps, "reps", 3, "pictures after the first")
		f.IntVar(&o.gpus, "gpus", 1, "GPUs")
		f.BoolVar(&o.int8, "int8", false, "UNet and ControlNets in 8 bits")
		f.BoolVar(&o.goOn, "go-on", false, "go on with the next picture after an error: for trying what another process does to the card's memory")
		f.BoolVar(&o.stepDown, "step-down", false, "take a smaller profile where the card has less")
		f.Parse(args[1:])
		if args[0] == "fast" {
			return timeFast(f.Arg(0), &o)
		}
		return timePicture(f.Arg(0), &o)
	}
	return fmt.Errorf("unknown command %q", args[0])
}

func pairs(s string) map[string]string {
	m := map[string]string{}
	for _, kv := range strings.Split(s, ",") {
		if k, v, ok := strings.Cut(kv, "="); ok {
			m[k] = v
		}
	}
	return m
}
