package segment

import (
	"context"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// samPicture is a picture as SAM 2's encoder (Ravi et al. 2024) sees it: made once, asked for several masks. Not for concurrent use.
type samPicture struct {
	decoder  *asked
	frame    framing
	features map[string]*ort.Tensor // by samRole
}

// samRole is what a tensor of SAM 2 is, under either of the published names: samexporter's, or those of the ONNX Runtime's script.
func samRole(name string) string {
	switch name {
	case "high_res_feats_0", "image_features_0":
		return "features 0"
	case "high_res_feats_1", "image_features_1":
		return "features 1"
	case "image_embed", "image_embeddings":
		return "embedding"
	case "point_coords":
		return "points"
	case "point_labels":
		return "labels"
	case "mask_input", "input_masks":
		return "mask"
	case "has_mask_input", "has_input_masks":
		return "has mask"
	case "orig_im_size", "original_image_size":
		return "size"
	}
	return ""
}

// encodeSAM runs the encoder on src. Both models must be there. Errors: CodeNoModel, CodeBadModel and Models.Run's.
func encodeSAM(ctx context.Context, env *realedit.Env, w *realedit.Work, src *kernels.Image) (*samPicture, error) {
	m, err := ask(env, w, kindSAMEncoder)
	if err != nil {
		return nil, err
	}
	p := &samPicture{features: map[string]*ort.Tensor{}}
	if p.decoder, err = ask(env, w, kindSAMDecoder); err != nil {
		return nil, err
	}
	if err := m.stretched(); err != nil {
		return nil, err
	}
	name, t, frame, err := m.picture(ctx, src, nil, false)
	if err != nil {
		return nil, err
	}
	p.frame = frame
	out, err := m.run(ctx, ort.Values{name: t})
	if err != nil {
		return nil, err
	}
	for _, spec := range m.spec.Outputs {
		role := samRole(spec.Name)
		if role == "" {
			continue
		}
		a, err := m.output(out, spec.Name, 1, -1, -1, -1)
		if err != nil {
			return nil, err
		}
		in, ok := p.decoder.role(role)
		if !ok {
			return nil, p.decoder.bad("no input takes the encoder's %s", spec.Name)
		}
		if p.features[role], err = p.decoder.tensor(in, a.v, a.shape...); err != nil {
			return nil, err
		}
	}
	if len(p.features) != 3 {
		return nil, m.bad("%d of the outputs are known; SAM 2 has three", len(p.features))
	}
	return p, nil
}

// role is the model's input with this role.
func (m *asked) role(role string) (realedit.TensorSpec, bool) {
	for _, in := range m.spec.Inputs {
		if samRole(in.Name) == role {
			return in, true
		}
	}
	return realedit.TensorSpec{}, false
}

// samPrompt says what is wanted, in pixels of a plane of w×h. Points are pixel centres.
type samPrompt struct {
	w, h            int
	box             [4]int // x0, y0, x1, y1, the last inclusive; all 0 = none
	inside, outside [][2]int
}

// The labels of a prompt's points.
const (
	samPad        = -1
	samOutside    = 0
	samInside     = 1
	samUpperLeft  = 2
	samLowerRight = 3
)

// mask is the decoder's answer to a prompt, of the masks that it offers the one that it thinks best of: w×h logits, above 0 inside, and its estimate of the
// mask's intersection over union with the truth. The same prompt gives the same bytes.
func (p *samPicture) mask(ctx context.Context, prompt samPrompt) (logits []float32, iou float32, err error) {
	m := p.decoder
	points, labels, err := p.points(prompt)
	if err != nil {
		return nil, 0, err
	}
	in := ort.Values{}
	for _, spec := range m.spec.Inputs {
		role := samRole(spec.Name)
		if t := p.features[role]; t != nil {
			in[spec.Name] = t
			continue
		}
		var v []float32
		var shape []int64
		switch role {
		case "points":
			v, shape = points, []int64{1, int64(len(labels)), 2}
		case "labels":
			v, shape = labels, []int64{1, int64(len(labels))}
		case "mask":
			side := int64(256)
			if n := len(spec.Shape); n == 4 && spec.Shape[n-1] > 0 {
				side = spec.Shape[n-1]
			}
			v, shape = make([]float32, side*side), []int64{1, 1, side, side}
		case "has mask":
			v, shape = []float32{0}, []int64{1}
		case "size":
			v, shape = []float32{float32(prompt.h), float32(prompt.w)}, []int64{2}
		default:
			return nil, 0, m.bad("input %q is none of SAM 2's", spec.Name)
		}
		if in[spec.Name], err = m.tensor(spec, v, shape...); err != nil {
			return nil, 0, err
		}
	}
	out, err := m.run(ctx, in)
	if err != nil {
		return nil, 0, err
	}
	which := "masks"
	if m.gives("low_res_masks") {
		which = "low_res_masks" // "masks" may be truth values there
	}
	masks, err := m.output(out, which, 1, -1, -1, -1)
	if err != nil {
		return nil, 0, err
	}
	ious, err := m.output(out, "iou_predictions", 1, masks.shape[1])
	if err != nil {
		return nil, 0, err
	}
	best := 0
	for i, v := range ious.v {
		if v > ious.v[best] {
			best = i
		}
	}
	mh, mw := int(masks.shape[2]), int(masks.shape[3])
	logits, err = resizePlane(ctx, m.env, masks.v[best*mw*mh:][:mw*mh], mw, mh, prompt.w, prompt.h)
	return logits, ious.v[best], err
}

// points are a prompt's points in pixels of the model's picture, whose centres are whole numbers, and their labels: the box's corners first, then a point
// inside and one outside by turns, so that a model with room for few gets the best of each; what it has room for beyond is padded.
func (p *samPicture) points(prompt samPrompt) (xy, labels []float32, err error) {
	add := func(label float32, x, y int) {
		xy = append(xy, (float32(x)+0.5)*float32(p.frame.rw)/float32(prompt.w)-0.5, (float32(y)+0.5)*float32(p.frame.rh)/float32(prompt.h)-0.5)
		labels = append(labels, label)
	}
	if b := prompt.box; b != [4]int{} {
		add(samUpperLeft, b[0], b[1])
		add(samLowerRight, b[2], b[3])
	}
	for i := range max(len(prompt.inside), len(prompt.outside)) {
		if i < len(prompt.inside) {
			add(samInside, prompt.inside[i][0], prompt.inside[i][1])
		}
		if i < len(prompt.outside) {
			add(samOutside, prompt.outside[i][0], prompt.outside[i][1])
		}
	}
	room := int64(-1)
	if spec, ok := p.decoder.role("points"); ok && len(spec.Shape) == 3 {
		room = spec.Shape[1]
	}
	if len(labels) == 0 || room == 0 {
		return nil, nil, p.decoder.bad("a prompt of %d points for a model that takes %d", len(labels), room)
	}
	if room > 0 {
		for int64(len(labels)) < room {
			xy, labels = append(xy, 0, 0), append(labels, samPad)
		}
		xy, labels = xy[:2*room], labels[:room]
	}
	return xy, labels, nil
}
