package main

import (
	"os"
	"path/filepath"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/segment"
)

// parseSky reads -sky and opens the folder of a library, once for all listings.
func (o *options) parseSky(text string) error {
	source, dir, err := segment.ParseSkySource(text)
	if err != nil {
		return usageError{err}
	}
	o.sky = segment.ReplaceSky{Source: source}
	if dir == "" {
		return nil
	}
	o.sky.Library = filepath.Base(resolve(dir)) // the report goes with the picture: where the folder lies is nobody's business
	if o.sky.Skies, err = segment.OpenSkies(os.DirFS(dir)); err != nil {
		return badUsage("-sky", "%s: %v", dir, err)
	}
	return nil
}

// skyOf is how the sky of one listing's pictures is replaced: all of them get the same one.
func (o *options) skyOf(sets []realedit.Set) segment.ReplaceSky {
	s := o.sky
	if s.Source != segment.SkyKeep {
		s.Plan = segment.PlanSkies(sets, s.Skies, s.Mirror)
	}
	return s
}
