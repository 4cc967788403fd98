package qc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// Gate is a stage that ends a pipeline: it holds the picture against the photos it was
// made from (Work.Frames, or the set's reference photo decoded again when they are gone)
// and writes every number into the report's measures and every one beyond its limit into its findings.
// An altered picture is also held against the one from before its first computed pixel (Work.Unaltered), bit by bit and at full
// resolution, wherever the alteration map says that nothing was computed.
// It changes no pixel. Findings are warnings; only a picture that cannot be delivered (empty, of
// another size, showing something else, with a leak) is an error with realedit.CodeQCFailed. The zero value works.
type Gate struct {
	Limits  Limits
	Borders Borders
}

// lampsBelow is the colour temperature of the main light under which hdr.Tone may follow the
// mixture of lamps and daylight, in kelvins: near daylight there is one light only.
const lampsBelow = 5500

// Name is "qc".
func (Gate) Name() string { return "qc" }

// Needs is the picture.
func (Gate) Needs() []realedit.Key { return []realedit.Key{realedit.KeyImage} }

// Gives is nothing.
func (Gate) Gives() []realedit.Key { return nil }

// Alters is realedit.ChangeNone: a gate only looks.
func (Gate) Alters() realedit.Change { return realedit.ChangeNone }

// Bytes is the proxies of the picture and up to nine photos, which a device makes one by one; from a device the bands in which an altered
// picture and the one before are compared, too, when the proxies are gone.
func (Gate) Bytes(w, h int) (host, device int64) {
	g := geometryOf(w, h)
	return max(int64(g.w)*int64(g.h)*24*10, 2*kernels.ImageBytes(w, min(h, leakBand), 3, kernels.U16)), kernels.ImageBytes(g.w, g.h, 3, kernels.U16)
}

// gateRecord is a Gate in a report.
type gateRecord struct {
	Limits  map[string]float64 `json:"limits"` // those that are not the defaults, by "check.measure"; -1 = off
	Borders *Borders           `json:"borders,omitempty"`
}

// Recorded is the limits in force that are not the defaults, by "check.measure", and the borders.
func (q Gate) Recorded() any {
	r := gateRecord{Limits: map[string]float64{}}
	std := Limits{}.rows()
	for k, l := range q.Limits.rows() {
		if l.off {
			r.Limits[k] = -1
		} else if l.value != std[k].value {
			r.Limits[k] = l.value
		}
	}
	if q.Borders.X != nil || q.Borders.Y != nil {
		r.Borders = &q.Borders
	}
	return r
}

// UnmarshalJSON reads what Recorded wrote.
func (q *Gate) UnmarshalJSON(b []byte) error {
	var r gateRecord
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return err
	}
	*q = Gate{}
	if r.Borders != nil {
		q.Borders = *r.Borders
	}
	return q.Limits.set(r.Limits)
}

// Apply runs the checks.
func (q Gate) Apply(ctx context.Context, env *realedit.Env, w *realedit.Work) error {
	v, err := q.Judge(ctx, env, w)
	if err != nil {
		return err
	}
	return q.Record(w, v)
}

// Judge holds the picture against its photos and changes nothing. The error tells that it could not be done.
func (q Gate) Judge(ctx context.Context, env *realedit.Env, w *realedit.Work) (*Verdict, error) {
	unaltered, err := deterministic(w)
	if err != nil {
		return nil, err
	}
	o := &Options{Limits: q.Limits, Borders: q.Borders, Changes: w.Changes, Unaltered: unaltered}
	if cct := w.Report.Measures["illuminant_cct"]; cct > 0 && cct < lampsBelow {
		o.Lamps = true
	}
	frames := w.Frames
	if len(frames) == 0 {
		m, err := w.Set.Ref().Pixels(ctx, env.Backend)
		if err != nil {
			return nil, err
		}
		defer m.Free()
		frames = []realedit.Frame{{Photo: w.Set.Ref(), Image: m}}
	}
	return CompareFrames(ctx, env, w.Image, frames, o)
}

// Record writes a verdict into the report; of a picture that cannot be delivered it is an error with realedit.CodeQCFailed.
func (q Gate) Record(w *realedit.Work, v *Verdict) error {
	for k, x := range v.Numbers() {
		w.Report.Measures[k] = x
	}
	var hard []string
	for _, f := range v.Findings() {
		w.Find(f)
		if f.Severity == realedit.Failure {
			hard = append(hard, f.Message)
		}
	}
	if len(hard) > 0 {
		return &realedit.Error{Code: realedit.CodeQCFailed, Op: "gate", Err: fmt.Errorf("%s", strings.Join(hard, "; "))}
	}
	return nil
}
