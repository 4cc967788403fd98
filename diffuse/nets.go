package diffuse

import (
	"slices"

	"github.com/realedit/realedit/diffuse/graph"
)

// net is a ControlNet with its images in a job.
type net struct {
	graph.ControlNet
	images []int // their places in Job.Controls
}

// nets are the ControlNets of a job, without the images whose scale is 0: a Union that never sees an image is not told of its type.
func (j *Job) nets(all []graph.ControlNet) (nets []net) {
	at := 0
	for _, c := range all {
		n := net{ControlNet: graph.ControlNet{Weights: c.Weights}}
		for i := range c.Images() {
			if j.Controls[at+i].Scale != 0 {
				n.images = append(n.images, at+i)
				if len(c.Types) > 0 {
					n.Types = append(n.Types, c.Types[i])
				}
			}
		}
		at += c.Images()
		if len(n.images) > 0 {
			nets = append(nets, n)
		}
	}
	return nets
}

// taking are the ControlNets that take part in a step, which are those of which an image does.
func (r *run) taking(s *step) (with []net) {
	for _, n := range r.nets {
		if slices.ContainsFunc(n.images, func(i int) bool { return s.scales[i] != 0 }) {
			with = append(with, n)
		}
	}
	return with
}

// parts are the networks, and the images that they take in the order of the graph's inputs.
func parts(nets []net) (controls []graph.ControlNet, images []int) {
	for _, n := range nets {
		controls, images = append(controls, n.ControlNet), append(images, n.images...)
	}
	return controls, images
}
