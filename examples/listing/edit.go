package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// outcome is what became of a set: a line of -json and an entry of batch.json.
type outcome struct {
	Name       string               `json:"name"`
	Listing    string               `json:"listing"`
	Status     string               `json:"status"` // "finished" or "quarantined"
	Resumed    bool                 `json:"resumed,omitempty"`
	Reencoded  bool                 `json:"reencoded,omitempty"` // from kept pixels
	Reason     realedit.GroupReason `json:"reason,omitempty"`
	Confidence float64              `json:"confidence"`
	Warnings   []string             `json:"warnings,omitempty"`
	Photos     []string             `json:"photos"`           // paths in the listing
	Unused     []string             `json:"unused,omitempty"` // members that are not merged
	File       string               `json:"file,omitempty"`
	Report     string               `json:"report,omitempty"`
	Changes    string               `json:"changes,omitempty"`
	Unaltered  string               `json:"unaltered,omitempty"`
	Class      string               `json:"class,omitempty"`
	Verdict    string               `json:"verdict,omitempty"` // "passed" or "warnings"
	Disclosure string               `json:"disclosure,omitempty"`
	Look       *look                `json:"look,omitempty"`
	Quarantine string               `json:"quarantine,omitempty"`
	Code       realedit.Code        `json:"code,omitempty"`
	Stage      string               `json:"stage,omitempty"`
	Why        string               `json:"why,omitempty"`
	Seconds    float64              `json:"seconds"`

	report        *realedit.Report
	before, after string // previews' paths in -out
}

// outline is the part of an outcome that is known before the edit.
func (b *batch) outline(j *job) *outcome {
	o := &outcome{Name: j.name, Listing: j.list.name, Photos: []string{}}
	if j.broken != nil {
		o.Photos = []string{j.broken.rel}
		return o
	}
	o.Reason, o.Confidence, o.Warnings = j.set.Reason, j.set.Confidence, j.set.Warnings
	for _, p := range j.set.Photos {
		o.Photos = append(o.Photos, b.names[p].rel)
	}
	for _, p := range j.set.Unused {
		o.Unused = append(o.Unused, b.names[p].rel)
	}
	return o
}

// failed is the outcome of a set that goes to quarantine.
func (b *batch) failed(j *job, err error) *outcome {
	o := b.outline(j)
	o.Status, o.Code, o.Why = "quarantined", realedit.CodeOf(err), err.Error()
	var e *realedit.Error
	if errors.As(err, &e) {
		o.Stage = e.Stage
		o.Why = message(err)
	}
	if o.Stage == "" && j.broken != nil {
		o.Stage = "open"
	}
	return o
}

// edit takes a set through the route, or its pixels from those that an earlier run kept, and writes its files.
func (b *batch) edit(ctx context.Context, j *job) (*outcome, error) {
	start := time.Now()
	r, again, err := b.pixelsOf(ctx, j)
	if err != nil {
		b.previews.take(j.set.ID)
		return nil, err
	}
	defer r.Free()
	var before, after []byte
	keep := func(bool) {}
	if again != nil {
		before, after = again.Before, again.After
	} else {
		before = b.previews.take(j.set.ID)
		if after, err = b.preview(ctx, r); err != nil {
			return nil, err
		}
		keep = b.kept.save(j.look, r, b.o.bits(), before, after)
	}
	done := false
	defer func() { keep(done) }()
	drafts, err := b.write(ctx, j, r, before, after)
	if err != nil {
		discard(drafts)
		return nil, err
	}
	if err := b.out.publish(entry{Name: j.name, Photo: j.photo, Key: j.key}, drafts); err != nil {
		return nil, err
	}
	done = true
	o := b.finished(j, r.Report)
	o.Seconds, o.Reencoded = time.Since(start).Seconds(), again != nil
	return o, nil
}

// pixelsOf is a set's finished picture; again is nil where it was edited now.
func (b *batch) pixelsOf(ctx context.Context, j *job) (*realedit.Result, *kept, error) {
	host := b.backends[0]
	if b.device {
		c, err := kernels.Open("cpu")
		if err != nil {
			c, err = kernels.Open("ref")
		}
		if err == nil {
			host = c
		}
	}
	if r, again := b.kept.load(j.look, j.set, b.o.bits(), host); r != nil {
		return r, again, nil
	}
	r, err := b.editor.Process(ctx, j.stage, j.set)
	return r, nil, err
}

// write makes all of a set's files under temporary names; those made so far come back beside an error.
func (b *batch) write(ctx context.Context, j *job, r *realedit.Result, before, after []byte) (drafts []draft, err error) {
	add := func(rel string, write func(io.Writer) error) bool {
		if err != nil {
			return false
		}
		var d draft
		if d, err = b.out.draft(ctx, rel, write); err == nil {
			drafts = append(drafts, d)
		}
		return err == nil
	}
	bytes := func(p []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(p); return err }
	}
	export := realedit.ExportOptions{Format: b.o.format, Quality: b.o.quality}
	file := j.name + b.o.format.Ext()
	if add(file, func(w io.Writer) error { return r.Encode(w, &export) }) {
		r.Report.Output.File = file
	}
	if r.Report.Class == realedit.Altered && r.Report.Policy.NeedsSibling() {
		sibling := export
		sibling.Unaltered = true
		rel := unalteredDir + "/" + file
		if add(rel, func(w io.Writer) error { return r.Encode(w, &sibling) }) {
			r.Report.Unaltered = &realedit.FileFacts{File: rel, SHA256: drafts[len(drafts)-1].sum}
		}
	}
	changes := j.name + ".changes.png"
	if add(changes, r.EncodeChanges) {
		r.Report.Changes.File = changes
	}
	if before != nil {
		add(previewPath(j.name, "before"), bytes(before))
	}
	add(previewPath(j.name, "after"), bytes(after))
	add(j.name+".report.json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r.Report)
	})
	return drafts, err
}

// preview is the finished picture at gallery size, made where it is.
func (b *batch) preview(ctx context.Context, r *realedit.Result) ([]byte, error) {
	at := r.Image.Memory().Owner
	return smallJPEG(ctx, at, kernels.Complete(at, nil), r.Image)
}

func previewPath(name, which string) string {
	return stateDir + "/" + previewDir + "/" + name + "." + which + ".jpg"
}

// finished is the outcome of a set whose files are in place.
func (b *batch) finished(j *job, r *realedit.Report) *outcome {
	o := b.outline(j)
	o.Status, o.report, o.Class, o.Verdict = "finished", r, r.Class.String(), "passed"
	o.Report, o.Changes = j.name+".report.json", j.name+".changes.png"
	if r.Output != nil {
		o.File = r.Output.File
	}
	if r.Unaltered != nil {
		o.Unaltered = r.Unaltered.File
	}
	if r.Class == realedit.Altered && r.Policy.NeedsSibling() { // it says that the sibling is there
		o.Disclosure = realedit.Disclosure
	}
	for _, f := range r.Findings {
		if f.Severity != realedit.Info {
			o.Verdict = "warnings"
		}
	}
	o.before, o.after = previewPath(j.name, "before"), previewPath(j.name, "after")
	o.Look = lookAt(b.out.path(o.after))
	return o
}

// recall is the outcome of a set that an earlier run finished.
func (b *batch) recall(j *job) (*outcome, error) {
	path := filepath.Join(b.out.dir, j.name+".report.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, b.out.fail(err)
	}
	var r realedit.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, &realedit.Error{Code: realedit.CodeInternal, Set: j.name, Op: "read report", Err: err}
	}
	o := b.finished(j, &r)
	o.Resumed = true
	return o, nil
}
