package realedit

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit/kernels"
)

// Frame is one photo of a set, decoded and brought to the reference's geometry.
type Frame struct {
	Photo *Photo
	Image *kernels.Image // sRGB-encoded, 3 channels, U8 or U16, the reference's size
	Valid *kernels.Image // U8, 1 channel: 255 where Image shows the scene; nil = everywhere
	EV    float64        // stops of light this frame got beyond the reference frame: positive is brighter
	// Homography takes the picture's pixel centres to the photo's own (row-major 3×3).
	Homography [9]float64

	small   *kernels.Image // see Small
	smallOf *kernels.Image // the picture it was made of
}

// Work is one set on its way through the stages. It belongs to one goroutine at a
// time. What it holds is freed by the Editor; a stage that replaces an image frees
// the old one (SetImage and SetMask do).
type Work struct {
	Set     Set
	Frames  []Frame                // after alignment; the reference's is Frames[Reference]
	Image   *kernels.Image         // the picture so far: sRGB-encoded, 3 channels
	Masks   map[Key]*kernels.Image // by key, the picture's size
	Changes *AlterationMap         // what happened to each pixel so far
	Report  *Report
	Scene   SceneFacts // what segment.Scene found or the route says; the zero value = nobody has looked

	// Reference is the index in Frames of the set's reference photo.
	Reference int
	// Unaltered is the picture as it was before the first computed or synthesised
	// pixel, kept for the sibling; nil while the class is below Altered.
	Unaltered *kernels.Image
	// Base is the picture that a ladder goes back to when a rung fails, while one is being climbed: nobody's to write over; nil otherwise.
	Base *kernels.Image

	found  func(Finding) // the host's hook; may be nil
	values map[any]any
}

// Value is what was stored under the key, nil when nothing was.
func (w *Work) Value(key any) any { return w.values[key] }

// SetValue stores what stages of one package want to hand each other, such as an analysis of the picture that two of them
// need. The key is comparable and of an unexported type of that package, as a context's. What is stored lives in host memory, as long as the Work.
func (w *Work) SetValue(key, value any) {
	if w.values == nil {
		w.values = map[any]any{}
	}
	w.values[key] = value
}

// OwnsImage tells whether Image is neither a frame's, nor the unaltered sibling's, nor a ladder's, so that a stage may write over it.
func (w *Work) OwnsImage() bool {
	for _, f := range w.Frames {
		if f.Image == w.Image {
			return false
		}
	}
	return w.Image != w.Unaltered && (w.Image == nil || w.Image != w.Base)
}

// SetImage replaces the picture and frees the one before (unless it is the same or a frame's).
func (w *Work) SetImage(m *kernels.Image) {
	if w.Image != m && w.OwnsImage() {
		w.Image.Free()
	}
	w.Image = m
}

// MapChanges makes Changes, where it is nil.
func (w *Work) MapChanges() (err error) {
	if w.Changes == nil {
		w.Changes, err = NewAlterationMap(w.Image.Width(), w.Image.Height())
	}
	return err
}

// Alter is called before pixels are computed or synthesised: then Image is the stage's to write over, what it was is Unaltered, if nothing has been altered before, and
// there is a map.
func (w *Work) Alter(ctx context.Context, env *Env) error {
	if err := w.MapChanges(); err != nil {
		return err
	}
	if w.Unaltered != nil && w.OwnsImage() {
		return nil
	}
	pic, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, w.Image.Format())
	if err != nil {
		return err
	}
	if err := env.Backend.Copy(ctx, pic, w.Image); err != nil {
		pic.Free()
		return err
	}
	if w.Unaltered == nil {
		w.Unaltered = w.Image // which may be a frame's: it is freed once
	}
	w.SetImage(pic)
	return nil
}

// DropBase ends a ladder: Base is freed unless it is still the picture, the sibling or a frame's.
func (w *Work) DropBase() {
	base := w.Base
	w.Base = nil
	if base == nil || base == w.Image || base == w.Unaltered {
		return
	}
	for _, f := range w.Frames {
		if f.Image == base {
			return
		}
	}
	base.Free()
}

// SetMask stores a mask and frees the one before under that key.
func (w *Work) SetMask(k Key, m *kernels.Image) {
	if w.Masks == nil {
		w.Masks = map[Key]*kernels.Image{}
	}
	if old := w.Masks[k]; old != nil && old != m {
		old.Free()
	}
	w.Masks[k] = m
}

// DropFrames frees the frames that are no longer needed; the picture stays.
func (w *Work) DropFrames() {
	for _, f := range w.Frames {
		if f.Image == w.Image || f.Image == w.Unaltered || f.Image == w.Base {
			f.Image = nil
		}
		f.Free()
	}
	w.Frames = nil
}

// Has tells whether the Work carries what the key names.
func (w *Work) Has(k Key) bool {
	switch k {
	case KeyFrames:
		return len(w.Frames) > 0
	case KeyImage:
		return w.Image != nil
	}
	return w.Masks[k] != nil
}

// Find adds a finding to the report. The report goes with the picture: folders of the set's photos are taken out of the message, and the user's own
// folder becomes "~".
func (w *Work) Find(f Finding) {
	f.Message = w.withoutFolders(f.Message)
	w.Report.Findings = append(w.Report.Findings, f)
	if w.found != nil {
		w.found(f)
	}
}

func (w *Work) withoutFolders(text string) string {
	for _, p := range slices.Concat(w.Set.Photos, w.Set.Unused) {
		if dir, name := filepath.Split(p.Path); dir != "" {
			text = strings.ReplaceAll(text, p.Path, name)
		}
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		text = strings.ReplaceAll(text, home+string(filepath.Separator), "~"+string(filepath.Separator))
	}
	return text
}

// free releases everything but what the Result keeps.
func (w *Work) free() {
	w.DropFrames()
	w.SetImage(nil)
	if w.Base != w.Unaltered {
		w.Base.Free()
	}
	w.Unaltered.Free()
	for _, m := range w.Masks {
		m.Free()
	}
	if w.Changes != nil {
		w.Changes.Map.Free()
	}
}
