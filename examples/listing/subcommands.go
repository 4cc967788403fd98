package main

import "context"

// subcommand is what the first argument names, nil where it is a flag or an input. A folder that is called like one is written ./masks.
func subcommand(name string) func(*command, context.Context, []string) int {
	switch name {
	case "masks":
		return masks
	}
	return nil
}
