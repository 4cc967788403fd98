package text

import "github.com/realedit/realedit"

// Preset is a fixed prompt under a name, so that its embedding can be stored.
type Preset struct {
	Name   string
	Prompt string // one line of plain English, within what both encoders take
}

// The prompts tell the kind of picture and how it is taken, not what is in it: a model adds what it is told of. They have no names of rooms,
// furniture, plants or weather, and no praise ("luxurious", "sunny") that has to be painted.
var presets = []Preset{
	{"property", "a sharp, natural photograph of a property"},
	{"interior", "a sharp, evenly lit photograph of the inside of a building, straight lines, natural colours"},
	{"exterior", "a sharp photograph of the outside of a building in daylight, straight lines, natural colours"},
	{"sky", "a photograph of the sky in daylight, soft natural gradients, no objects"},
	{"window_view", "a photograph of the view through a window in daylight, clear glass, natural exposure"},
	{"ground", "a sharp photograph of the ground outside a building, even natural texture"},
	{"surface", "a photograph of a plain, empty surface that continues its surroundings, same texture, same light"},
}

// Presets are all preset prompts, by the order of the list in presets.go: any property; inside; outside; the sky; what is seen through a window; the ground before a
// house; what was behind something that is taken away. The slice is the caller's.
func Presets() []Preset { return append([]Preset(nil), presets...) }

// PresetOf is the preset with a name. Errors: CodeBadOption.
func PresetOf(name string) (Preset, error) {
	for _, p := range presets {
		if p.Name == name {
			return p, nil
		}
	}
	return Preset{}, realedit.Errorf(realedit.CodeBadOption, "preset prompt", "there is none called %.40q", name)
}
