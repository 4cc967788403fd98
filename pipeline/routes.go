package pipeline

import (
	"github.com/realedit/realedit"
	"github.com/realedit/realedit/hdr"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/segment"
)

// Options steer the ready-made routes; nil means the zero value.
type Options struct {
	Merge   kernels.FuseMethod // how brackets are merged
	Listing *hdr.Listing       // shared targets of one listing; nil = each picture on its own
	Sky     segment.ReplaceSky // what a dull sky outdoors is replaced by, where the policy allows it
}

func (o *Options) orZero() Options {
	if o == nil {
		return Options{}
	}
	return *o
}

// Fuse is ingest, alignment and merge with ghost removal: class unaltered.
func Fuse(o *Options) (*Pipeline, error) {
	c := o.orZero()
	return New("fuse", hdr.Align{}, hdr.Merge{Method: c.Merge}, qc.Gate{})
}

// Auto is Fuse, window views from the frames that hold them, and tone: class corrected.
func Auto(o *Options) (*Pipeline, error) { return full("auto", o) }

// Interior is Auto under the name of the route asked for.
func Interior(o *Options) (*Pipeline, error) { return full("interior", o) }

// Exterior is Auto under the name of the route asked for.
func Exterior(o *Options) (*Pipeline, error) { return full("exterior", o) }

func full(name string, o *Options) (*Pipeline, error) {
	c := o.orZero()
	return New(name, hdr.Align{}, hdr.Merge{Method: c.Merge}, segment.Windows{}, hdr.WindowPull{},
		hdr.Tone{Listing: c.Listing}, qc.Gate{})
}

// Route makes the named route: "auto", "fuse", "interior" or "exterior".
func Route(name string, o *Options) (*Pipeline, error) {
	switch name {
	case "auto":
		return Auto(o)
	case "fuse":
		return Fuse(o)
	case "interior":
		return Interior(o)
	case "exterior":
		return Exterior(o)
	}
	return nil, realedit.Errorf(realedit.CodeBadOption, "route", "%q is not auto, fuse, interior or exterior", name)
}
