package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"maps"
	"reflect"
	"slices"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/qc"
	"github.com/realedit/realedit/tile"
)

// climb is one set's way down a ladder.
type climb struct {
	Ladder
	ctx context.Context
	env *realedit.Env
	w   *realedit.Work

	// What the Work was like before.
	base      *kernels.Image
	changes   *realedit.AlterationMap
	unaltered *kernels.Image
	report    realedit.Report // but for its stages

	tried   []attempt          // that failed
	masked  *qc.Verdict        // of the deterministic picture without the pixels that the rung's map has as computed or synthesised
	failed  []realedit.Finding // rung_failed
	source  string             // the rung whose stages made the picture that is there; "" = it is the deterministic one
	at      float64            // how strongly
	against []qc.Measure       // what that picture failed for
	made    attempt            // and what made it
}

// attempt is what made a rung's picture: its stages from the first on that changed the deterministic one.
type attempt struct {
	stages   []realedit.Stage
	strength float64
}

// again tells whether these stages, from the deterministic picture on, made a rung that failed: the rungs above and below differ by a stage that had nothing to do, such as a
// tone whose model is missing or refused by the policy.
func (c *climb) again(stages []realedit.Stage, strength float64) bool {
	return slices.ContainsFunc(c.tried, func(a attempt) bool {
		return a.strength == strength && reflect.DeepEqual(a.stages, stages)
	})
}

func newClimb(l Ladder, ctx context.Context, env *realedit.Env, w *realedit.Work) (*climb, error) {
	c := &climb{Ladder: l, ctx: ctx, env: env, w: w, base: w.Image, unaltered: w.Unaltered, report: copied(w.Report)}
	if w.Changes != nil && len(l.Rungs) > 0 {
		var err error
		if c.changes, err = w.Changes.Clone(); err != nil {
			return nil, &realedit.Error{Code: realedit.CodeOf(err), Op: "allocate", Err: err}
		}
	}
	w.Base = w.Image
	return c, nil
}

// copied is a report that shares nothing with r that stages change.
func copied(r *realedit.Report) realedit.Report {
	k := *r
	k.Findings, k.Models = slices.Clone(r.Findings), slices.Clone(r.Models)
	k.Measures, k.Shares = maps.Clone(r.Measures), maps.Clone(r.Shares)
	return k
}

func (c *climb) close() {
	if c.changes != nil {
		c.changes.Map.Free()
	}
}

// run tries the rungs, then the rollback, then the deterministic picture.
func (c *climb) run() error {
	var back *Rung // the last one whose picture failed, or would have
	for _, r := range c.Rungs {
		if r.Retry && len(c.failed) == 0 || c.placeless(r) {
			continue
		}
		made, err := c.make(r)
		if err != nil {
			return err
		}
		if made != nothing && len(r.Stages) > 0 {
			back = &r
		}
		if made != done {
			continue
		}
		passed, err := c.settle(r.Name)
		if passed || err != nil {
			return err
		}
		c.tried = append(c.tried, c.made)
	}
	if back != nil && c.source == "" { // it has gone for one below that had nothing to do, or nothing new
		c.tried = nil
		made, err := c.make(*back)
		if err != nil {
			return err
		}
		if made == done {
			if passed, err := c.settle(back.Name); passed || err != nil {
				return err
			}
		}
	}
	if c.source != "" {
		passed, v, err := c.rollBack()
		if err != nil {
			return err
		}
		if passed {
			return c.take(realedit.RungRollback, v)
		}
	}
	return c.classical()
}

// settle takes the picture that is there if it passes.
func (c *climb) settle(rung string) (passed bool, err error) {
	passed, v, err := c.judgeRung(rung)
	if !passed || err != nil {
		return false, err
	}
	return true, c.take(rung, v)
}

// placeless tells whether none of a rung's stages has a place in this scene: then the picture of the rung above stays for what comes after.
func (c *climb) placeless(r Rung) bool {
	for _, s := range r.Stages {
		b, ok := s.(realedit.SceneBound)
		if !ok || c.w.Scene.Scene == "" || slices.Contains(b.Scenes(), c.w.Scene.Scene) {
			return false
		}
	}
	return len(r.Stages) > 0
}

// outcome is what became of a rung's stages.
type outcome uint8

const (
	nothing      outcome = iota // there is no picture, or it is the deterministic one
	failedBefore                // it would be one that has failed
	done
)

// make puts a rung's picture into the Work.
func (c *climb) make(r Rung) (outcome, error) {
	strength := cmp.Or(r.Strength, 1)
	if len(r.Stages) == 0 {
		if c.source == "" || !c.alike() {
			return nothing, nil
		}
		c.made.strength = strength
		return done, c.weaken(strength)
	}
	c.restore()
	env := c.env.OnRung(r.Name)
	c.made = attempt{r.Stages, strength}
	for i, s := range r.Stages {
		if c.w.Image == c.base {
			if c.made.stages = r.Stages[i:]; c.again(c.made.stages, strength) {
				c.restore()
				return failedBefore, nil
			}
		}
		if err := env.Run(c.ctx, s, c.w); err != nil {
			if ofTheSet(c.ctx, err) {
				return nothing, err
			}
			if c.env.Log != nil {
				c.env.Log.Warn("a rung failed", "rung", r.Name, "error", err)
			}
			c.fail(r.Name, 0, 0, nil, fmt.Sprintf("%s: %s", s.Name(), errText(err)))
			c.tried = append(c.tried, c.made)
			c.restore()
			return nothing, nil
		}
	}
	if c.w.Image == c.base {
		c.report = copied(c.w.Report) // why it did nothing stays said
		c.restore()
		return nothing, nil
	}
	if c.w.Unaltered == nil && c.altered() {
		c.w.Unaltered = c.base
	}
	c.source, c.at, c.masked = r.Name, 1, nil
	if strength < 1 && c.alike() {
		return done, c.weaken(strength)
	}
	return done, nil
}

// altered tells whether the map has computed or synthesised pixels.
func (c *climb) altered() bool {
	return c.w.Changes != nil && c.w.Changes.Strongest().Class() == realedit.Altered
}

// reference is the deterministic picture that the rung's is held to: what its stages kept for the sibling, else the one from before.
func (c *climb) reference() *kernels.Image {
	if u := c.w.Unaltered; u != nil && u != c.unaltered {
		return u
	}
	return c.base
}

// alike tells whether the rung's pictures have the deterministic one's size and format; one that has not fails when it is judged.
func (c *climb) alike() bool {
	for _, m := range []*kernels.Image{c.w.Image, c.reference()} {
		if m.Bounds() != c.base.Bounds() || m.Format() != c.base.Format() {
			return false
		}
	}
	return true
}

// weaken blends the picture towards the deterministic one until the stages' work is in it at the given strength.
func (c *climb) weaken(strength float64) error {
	if err := c.own(); err != nil {
		return err
	}
	keep, err := kernels.NewHostImage(nil, c.w.Image.Width(), c.w.Image.Height(), 1, kernels.U8)
	if err != nil {
		return &realedit.Error{Code: realedit.CodeOf(err), Op: "allocate", Err: err}
	}
	defer keep.Free()
	level := uint8(255*strength/c.at + 0.5)
	for y := range keep.Height() {
		row := keep.RowU8(y)
		for x := range row {
			row[x] = level
		}
	}
	c.at = strength
	for _, m := range c.pictures() {
		if err := tile.BlendTowards(c.ctx, c.env, m, c.base, keep); err != nil {
			return err
		}
	}
	return nil
}

// pictures are what is blended: the rung's and, where that is not the one from before, the one that it is held to. Where the two are equal they stay so, bit by bit.
func (c *climb) pictures() []*kernels.Image {
	if u := c.reference(); u != c.base {
		return []*kernels.Image{c.w.Image, u}
	}
	return []*kernels.Image{c.w.Image}
}

// own makes the rung's picture one that may be written over.
func (c *climb) own() error {
	if c.w.OwnsImage() {
		return nil
	}
	m := c.w.Image
	copied, err := c.env.NewImage(m.Width(), m.Height(), m.Channels(), m.Format())
	if err != nil {
		return err
	}
	if err := c.env.Backend.Copy(c.ctx, copied, m); err != nil {
		copied.Free()
		return err
	}
	c.w.SetImage(copied)
	return nil
}

// verdictOf judges the picture that is there, as the rung's.
func (c *climb) verdictOf(rung string) (*qc.Verdict, error) {
	j := &judged{Judge: c.judge()}
	if err := c.env.OnRung(rung).Run(c.ctx, j, c.w); err != nil {
		return nil, err
	}
	return j.v, nil
}

// judgeRung tells whether the picture that is there passes. Where it does not, c.against is why.
func (c *climb) judgeRung(name string) (bool, *qc.Verdict, error) {
	if c.Unjudged {
		return true, nil, nil
	}
	v, err := c.verdictOf(name)
	c.against = nil
	switch {
	case realedit.CodeOf(err) == realedit.CodeQCFailed: // no picture to judge
		c.against = []qc.Measure{{Check: qc.Resolution, Name: "pixels", Failed: true, Hard: true}}
		c.fail(name, 0, 0, nil, errText(err))
		return false, nil, nil
	case err != nil:
		return false, nil, err
	}
	leak := qc.Measure{Check: qc.Resolution, Name: "pixels", Value: 1, Failed: true, Hard: true}
	if _, judged := v.Value(qc.Leak, "pixels"); judged && c.alike() {
		leak = qc.Measure{} // among the verdict's own
	} else if c.alike() {
		if leak, err = qc.Leaks(c.ctx, c.env, c.w.Image, c.reference(), c.w.Changes, c.changes); err != nil {
			return false, nil, err
		}
	}
	if leak.Failed {
		c.against = append(c.against, leak)
	}
	if !v.Passed() {
		if c.masked == nil {
			if c.masked, err = c.judgeBase(); err != nil {
				return false, nil, err
			}
		}
		c.against = append(c.against, worse(v, c.masked)...)
	}
	if len(c.against) == 0 {
		return true, v, nil
	}
	m := c.against[0]
	var at *realedit.Rectangle
	if len(m.Regions) > 0 {
		at = realedit.RectangleOf(m.Regions[0].Rect)
	}
	c.fail(name, m.Value, m.Limit, at, why(c.against))
	return false, nil, nil
}

// judgeBase judges the deterministic picture where the rung's is judged: the same pixels are left out of both.
func (c *climb) judgeBase() (*qc.Verdict, error) {
	made, kept := c.w.Image, c.w.Unaltered
	c.w.Image, c.w.Unaltered = c.base, c.base
	v, err := c.verdictOf(realedit.RungClassical)
	c.w.Image, c.w.Unaltered = made, kept
	return v, err
}

// rollBack takes the deterministic picture back where the last rung failed.
func (c *climb) rollBack() (bool, *qc.Verdict, error) {
	if !c.alike() || c.w.Changes == nil {
		return false, nil, nil
	}
	if err := c.own(); err != nil {
		return false, nil, err
	}
	w, h := c.base.Width(), c.base.Height()
	size := max(tileLeast, max(w, h)/tilesAside)
	grid, err := tile.Grid(w, h, size, 0)
	if err != nil {
		return false, nil, err
	}
	altered := c.altered()
	back := map[image.Rectangle]bool{}
	for range rollbacks {
		var regions []image.Rectangle
		for _, m := range c.against {
			if m.Hard && m.Check != qc.Leak || len(m.Regions) == 0 {
				return false, nil, nil // not in some places but altogether
			}
			for _, r := range m.Regions {
				regions = append(regions, r.Rect)
			}
		}
		tiles := tile.Hit(grid, regions)
		before := len(back)
		for _, t := range tiles {
			back[t] = true
		}
		if len(back) == before || rollbackShare*len(back) > len(grid) {
			return false, nil, nil
		}
		c.masked = nil // there are more pixels to judge
		for _, m := range c.pictures() {
			if err := tile.RollBack(c.ctx, c.env, m, c.base, c.w.Changes, c.changes, tiles, size/4); err != nil {
				return false, nil, err
			}
		}
		if altered && !c.altered() {
			return false, nil, nil // nothing is left of what the report would tell
		}
		if passed, v, err := c.judgeRung(realedit.RungRollback); passed || err != nil {
			return passed, v, err
		}
	}
	return false, nil, nil
}

// fail records that a rung did not pass.
func (c *climb) fail(rung string, value, limit float64, at *realedit.Rectangle, why string) {
	c.failed = append(c.failed, realedit.Finding{Check: realedit.CheckRetry, Severity: realedit.Info, Value: value, Limit: limit, Region: at,
		Message: fmt.Sprintf("%s did not pass: %s", rung, why)})
	c.env.Judged(c.ctx, c.w, rung, why)
}

// restore brings the deterministic picture back.
func (c *climb) restore() {
	w := c.w
	if w.Unaltered != c.unaltered {
		if w.Unaltered != c.base && w.Unaltered != w.Image {
			w.Unaltered.Free()
		}
		w.Unaltered = c.unaltered
	}
	w.SetImage(c.base)
	switch {
	case c.changes != nil && w.Changes != nil:
		w.Changes.CopyFrom(c.changes)
	case c.changes == nil && w.Changes != nil && len(c.Rungs) > 0:
		w.Changes.Map.Free()
		w.Changes = nil
	}
	stages := w.Report.Stages
	*w.Report = copied(&c.report)
	w.Report.Stages = stages
	c.source = ""
}

// take ends the climb with the picture that is there.
func (c *climb) take(rung string, v *qc.Verdict) error {
	w := c.w
	w.Report.Rung = rung
	w.DropBase()
	c.tell()
	c.env.Judged(c.ctx, w, rung, "")
	if c.Unjudged {
		return nil
	}
	return c.judge().Record(w, v)
}

// tell puts the failed rungs before what the one that passed found.
func (c *climb) tell() {
	at := len(c.report.Findings)
	own := slices.Clone(c.w.Report.Findings[at:])
	c.w.Report.Findings = c.w.Report.Findings[:at]
	for _, f := range c.failed {
		c.w.Find(f)
	}
	c.w.Report.Findings = append(c.w.Report.Findings, own...)
}

// classical ends the climb with the deterministic picture alone.
func (c *climb) classical() error {
	c.restore()
	if c.Unjudged {
		return c.take(realedit.RungClassical, nil)
	}
	v, err := c.verdictOf(realedit.RungClassical)
	if err != nil {
		return err
	}
	return c.take(realedit.RungClassical, v)
}
