package main

import "context"

// subcommand is what the first argument names, nil where it is a flag or an input. A folder that is called like one is written ./models.
func subcommand(name string) func(*command, context.Context, []string) int {
	switch name {
	case "verify":
		return verify
	case "models":
		return modelsCommand
	case "replay":
		return (*command).replay
	case "masks":
		return masks
	}
	return nil
}
