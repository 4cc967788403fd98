package segment

import (
	"slices"

	"github.com/realedit/realedit"
)

// CheckModel tells from a model's entry whether this package's stages could ask it: its inputs, its outputs and how the picture is prepared have to be those of its
// kind (docs/models.md). Models of kinds that are none of this package's pass. What shows only in answers is told when the model runs. Errors: CodeBadModel.
func CheckModel(m realedit.Model) error {
	a := &asked{spec: m}
	switch m.Kind {
	case kindCLIP:
		return firstOf(a.onlyPicture(), a.hasLabels(), a.declares("", 2))
	case kindSky, kindSaliency:
		return firstOf(a.stretched(), a.onlyPicture(), a.declares("", 4))
	case kindSemantic:
		return firstOf(a.stretched(), a.onlyPicture(), a.declares("", 3, 4))
	case kindSAMEncoder:
		return firstOf(a.stretched(), a.onlyPicture(), a.samEncoder())
	case kindSAMDecoder:
		return firstOf(a.samDecoder(), a.declares("iou_predictions", 2))
	case kindOWL:
		return firstOf(a.uncropped(), a.onlyPicture("input_ids", "attention_mask"), a.hasLabels(), a.declares("logits", 3), a.declares("pred_boxes", 3))
	}
	return nil
}

func firstOf(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

// onlyPicture checks that the model takes a picture and nothing else but what is named.
func (m *asked) onlyPicture(others ...string) error {
	picture, err := m.pictureInput()
	if err != nil {
		return err
	}
	f, err := m.frame(picture, 1024, 768)
	if err != nil {
		return err
	}
	if !declared(picture.Shape, []int64{1, 3, int64(f.h), int64(f.w)}) {
		return m.bad("input %s is %v, the picture is made %d×%d", picture.Name, picture.Shape, f.w, f.h)
	}
	for _, in := range m.spec.Inputs {
		if in.Name != picture.Name && !slices.Contains(others, in.Name) {
			return m.bad("it takes an input %q, which this kind does not have", in.Name)
		}
	}
	return nil
}

// uncropped refuses models whose answers are places in the picture and whose input is a part of it.
func (m *asked) uncropped() error {
	if r := m.spec.Preprocess.Resize; r == "fit_crop" {
		return m.bad("preprocess: resize %q; this kind takes the whole picture: pad or stretch", r)
	}
	return nil
}

func (m *asked) hasLabels() error {
	if m.spec.Labels == "" {
		return m.bad("this kind needs a file of labels")
	}
	return nil
}

// declares checks that an output ("" = the first) is declared and has one of the ranks.
func (m *asked) declares(name string, ranks ...int) error {
	if name == "" {
		if len(m.spec.Outputs) == 0 {
			return m.bad("no output is declared")
		}
		name = m.spec.Outputs[0].Name
	}
	spec, ok := named(m.spec.Outputs, name)
	switch {
	case !ok:
		return m.bad("it gives no output %q", name)
	case !slices.Contains(ranks, len(spec.Shape)):
		return m.bad("output %s is %v: %d dimensions were expected", name, spec.Shape, ranks[0])
	}
	return nil
}

// declared tells whether a shape may be want, -1 being any number.
func declared(shape, want []int64) bool {
	return slices.EqualFunc(shape, want, func(n, w int64) bool { return n == w || n < 0 })
}

// The roles of what SAM 2's encoder gives its decoder, and of what else the decoder cannot do without.
var (
	samFeatures = []string{"features 0", "features 1", "embedding"}
	samPrompts  = []string{"points", "labels"}
)

func (m *asked) samEncoder() error {
	for _, role := range samFeatures {
		i := slices.IndexFunc(m.spec.Outputs, func(s realedit.TensorSpec) bool { return samRole(s.Name) == role })
		if i < 0 {
			return m.bad("none of its outputs is SAM 2's %s", role)
		}
		if len(m.spec.Outputs[i].Shape) != 4 {
			return m.bad("output %s is %v: 4 dimensions were expected", m.spec.Outputs[i].Name, m.spec.Outputs[i].Shape)
		}
	}
	return nil
}

func (m *asked) samDecoder() error {
	for _, in := range m.spec.Inputs {
		if samRole(in.Name) == "" {
			return m.bad("input %q is none of SAM 2's", in.Name)
		}
	}
	for _, role := range slices.Concat(samFeatures, samPrompts) {
		if _, ok := m.role(role); !ok {
			return m.bad("none of its inputs is SAM 2's %s", role)
		}
	}
	if m.gives("low_res_masks") {
		return m.declares("low_res_masks", 4)
	}
	return m.declares("masks", 4)
}
