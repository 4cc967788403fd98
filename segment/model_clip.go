package segment

import (
	"context"
	"math"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// Below these probabilities the scene, or the room, is unknown. Chance is 0.5 and 0.1.
const (
	sceneConfidence = 0.7
	roomConfidence  = 0.4
)

// clipScale is what cosines are multiplied by before the softmax: CLIP's learned temperature, which training caps at 100.
const clipScale = 100

// clipLabels is the labels file of kind clip: text embeddings, each the average over prompts of normalised embeddings, normalised again.
// Several entries may have one label; their probabilities add.
type clipLabels struct {
	Scenes []clipLabel `json:"scenes"` // "interior", "exterior"
	Rooms  []clipLabel `json:"rooms"`  // the names of realedit.Room
}

type clipLabel struct {
	Label     string    `json:"label"`
	Embedding []float32 `json:"embedding"`
}

// modelScene asks a CLIP image encoder what src, a photograph, shows (Radford et al. 2021, zero-shot classification): the embedding's cosines with the
// stored text embeddings, times 100, through a softmax. The room is told for interiors only. Errors: CodeNoModel, CodeBadModel and Models.Run's.
func modelScene(ctx context.Context, env *realedit.Env, w *realedit.Work, src *kernels.Image) (realedit.SceneFacts, error) {
	facts := realedit.SceneFacts{Scene: realedit.SceneUnknown, Room: realedit.RoomUnknown, Source: "model"}
	m, err := ask(env, w, kindCLIP)
	if err != nil {
		return facts, err
	}
	var labels clipLabels
	if err := m.labels(&labels); err != nil {
		return facts, err
	}
	name, t, _, err := m.picture(ctx, src, bicubic, false)
	if err != nil {
		return facts, err
	}
	out, err := m.run(ctx, ort.Values{name: t})
	if err != nil {
		return facts, err
	}
	which := "image_embeds"
	if !m.gives(which) && len(m.spec.Outputs) > 0 {
		which = m.spec.Outputs[0].Name
	}
	got, err := m.output(out, which, 1, -1)
	if err != nil {
		return facts, err
	}
	scene, p, err := m.nearest(got.v, labels.Scenes, func(s string) bool {
		return s == string(realedit.SceneInterior) || s == string(realedit.SceneExterior)
	})
	if err != nil {
		return facts, err
	}
	if facts.Confidence = p; p < sceneConfidence {
		return facts, nil
	}
	facts.Scene = realedit.SceneKind(scene)
	if facts.Scene != realedit.SceneInterior || len(labels.Rooms) == 0 {
		return facts, nil
	}
	room, p, err := m.nearest(got.v, labels.Rooms, isRoom)
	if err != nil {
		return facts, err
	}
	if p >= roomConfidence {
		facts.Room = realedit.Room(room)
	}
	return facts, nil
}

// isRoom tells whether s is one of the vocabulary's rooms.
func isRoom(s string) bool {
	switch realedit.Room(s) {
	case realedit.RoomKitchen, realedit.RoomBedroom, realedit.RoomLivingRoom, realedit.RoomBathroom, realedit.RoomDiningRoom, realedit.RoomHallway,
		realedit.RoomOffice, realedit.RoomLaundry, realedit.RoomGarage, realedit.RoomOther:
		return true
	}
	return false
}

// nearest is the most probable label and its probability. Of equals the one named first wins.
func (m *asked) nearest(embedding []float32, labels []clipLabel, known func(string) bool) (string, float64, error) {
	norm := dot(embedding, embedding)
	if norm == 0 || len(labels) == 0 {
		return "", 0, m.bad("no direction in the embedding, or no labels")
	}
	logits := make([]float64, len(labels))
	top := math.Inf(-1)
	for i, l := range labels {
		n := dot(l.Embedding, l.Embedding)
		if len(l.Embedding) != len(embedding) || !(n > 0) || math.IsInf(n, 0) || !known(l.Label) {
			return "", 0, m.bad("labels: %q with %d numbers of norm² %v, for embeddings of %d", l.Label, len(l.Embedding), n, len(embedding))
		}
		logits[i] = clipScale * dot(embedding, l.Embedding) / math.Sqrt(norm*n)
		top = max(top, logits[i])
	}
	var sum float64
	share := make(map[string]float64, len(labels))
	for i, l := range labels {
		p := math.Exp(logits[i] - top)
		share[l.Label] += p
		sum += p
	}
	best := labels[0].Label
	for _, l := range labels {
		if share[l.Label] > share[best] {
			best = l.Label
		}
	}
	return best, share[best] / sum, nil
}

func dot(a, b []float32) float64 {
	var s float64
	for i := range min(len(a), len(b)) {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}
