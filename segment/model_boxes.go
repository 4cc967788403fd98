package segment

import (
	"context"
	"math"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

const (
	owlScore   = 0.2 // the least score of a box
	owlOverlap = 0.5 // the largest intersection over union of two boxes; of others the one with the lower score goes
	owlWindow  = "window"
)

// owlLabels is the labels file of kind owlv2: questions, as the token numbers that the model's text encoder takes. A box belongs to the query that it answers
// best; queries with other labels than "window" ("mirror", "picture", "television") catch what looks like one.
type owlLabels struct {
	Queries []struct {
		Label         string  `json:"label"`
		InputIDs      []int64 `json:"input_ids"`
		AttentionMask []int64 `json:"attention_mask"` // 1 for each token that counts
	} `json:"queries"`
}

// modelBox is a box in pixels of the picture that was asked about, its edges between pixels.
type modelBox struct {
	x0, y0, x1, y1 float64
	score          float64 // 0 to 1
}

// modelWindows asks OWLv2 (Minderer et al. 2023) for boxes of windows in src, the surest first. Errors: CodeNoModel, CodeBadModel and Models.Run's.
func modelWindows(ctx context.Context, env *realedit.Env, w *realedit.Work, src *kernels.Image) ([]modelBox, error) {
	m, err := ask(env, w, kindOWL)
	if err != nil {
		return nil, err
	}
	var labels owlLabels
	if err := m.labels(&labels); err != nil {
		return nil, err
	}
	name, t, frame, err := m.picture(ctx, src, nil, false)
	if err != nil {
		return nil, err
	}
	if err := m.uncropped(); err != nil {
		return nil, err
	}
	in := ort.Values{name: t}
	n := len(labels.Queries)
	if n == 0 {
		return nil, m.bad("labels: no queries")
	}
	var ids, attention []float32
	tokens := len(labels.Queries[0].InputIDs)
	for i, q := range labels.Queries {
		if len(q.InputIDs) != tokens || len(q.AttentionMask) != tokens || tokens == 0 {
			return nil, m.bad("labels: query %d (%q) has %d tokens and %d of its mask, the first %d", i, q.Label, len(q.InputIDs), len(q.AttentionMask), tokens)
		}
		for k := range tokens {
			ids, attention = append(ids, float32(q.InputIDs[k])), append(attention, float32(q.AttentionMask[k]))
		}
	}
	for i, v := range [][]float32{ids, attention} {
		name := [...]string{"input_ids", "attention_mask"}[i]
		if spec, ok := m.takes(name); ok {
			if in[name], err = m.tensor(spec, v, int64(n), int64(tokens)); err != nil {
				return nil, err
			}
		}
	}
	out, err := m.run(ctx, in)
	if err != nil {
		return nil, err
	}
	logits, err := m.output(out, "logits", 1, -1, int64(n))
	if err != nil {
		return nil, err
	}
	boxes, err := m.output(out, "pred_boxes", 1, logits.shape[1], 4)
	if err != nil {
		return nil, err
	}
	var found []modelBox
	for i := range int(logits.shape[1]) {
		l := logits.v[i*n:][:n]
		best := 0
		for k := range l {
			if l[k] > l[best] {
				best = k
			}
		}
		score := 1 / (1 + math.Exp(-float64(l[best])))
		if score < owlScore || labels.Queries[best].Label != owlWindow {
			continue
		}
		b := frame.box(boxes.v[4*i:][:4], src.Width(), src.Height())
		if b.score = score; b.x1-b.x0 >= 1 && b.y1-b.y0 >= 1 {
			found = append(found, b)
		}
	}
	return strongest(found), nil
}

// box brings centre x, centre y, width and height, in shares of the model's picture, to pixels of a picture of w×h, and within it.
func (f framing) box(v []float32, w, h int) modelBox {
	sx, sy := float64(f.w)*float64(w)/float64(f.rw), float64(f.h)*float64(h)/float64(f.rh)
	in := func(v, top float64) float64 { return max(0, min(top, v)) }
	cx, cy, bw, bh := float64(v[0])*sx, float64(v[1])*sy, float64(v[2])*sx, float64(v[3])*sy
	return modelBox{x0: in(cx-bw/2, float64(w)), y0: in(cy-bh/2, float64(h)), x1: in(cx+bw/2, float64(w)), y1: in(cy+bh/2, float64(h))}
}

// strongest is greedy non-maximum suppression: by falling score, without what overlaps a box before it. Of equal scores the first stays the first.
func strongest(boxes []modelBox) []modelBox {
	slices.SortStableFunc(boxes, func(a, b modelBox) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	var kept []modelBox
	for _, b := range boxes {
		if !slices.ContainsFunc(kept, func(k modelBox) bool { return overlap(k, b) > owlOverlap }) {
			kept = append(kept, b)
		}
	}
	return kept
}

// overlap is the intersection over union.
func overlap(a, b modelBox) float64 {
	both := max(0, min(a.x1, b.x1)-max(a.x0, b.x0)) * max(0, min(a.y1, b.y1)-max(a.y0, b.y0))
	return both / ((a.x1-a.x0)*(a.y1-a.y0) + (b.x1-b.x0)*(b.y1-b.y0) - both)
}
