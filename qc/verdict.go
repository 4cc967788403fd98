package qc

import (
	"fmt"
	"image"
	"sort"

	"github.com/realedit/realedit"
)

// Region is a part of the picture, in its pixels, with the measure's value there.
type Region struct {
	Rect  image.Rectangle
	Value float64
}

// Measure is one number of one check beside its limit.
type Measure struct {
	Check   Check
	Name    string // which number: "mean", "worst"
	Value   float64
	Limit   float64
	AtLeast bool // the limit is a lower bound
	Failed  bool
	Hard    bool     // the picture cannot be delivered
	Regions []Region // where it is worst, worst first, at most maxRegions
}

const maxRegions = 5

// Verdict is what Compare and Gate found. It holds no pixels.
type Verdict struct {
	Measures []Measure
	// Judged is the share of the picture that some reference records well enough for
	// the structure check (the rest is clipped, dark, moved or synthesised).
	Judged float64
}

// Passed tells whether every measure is within its limit.
func (v *Verdict) Passed() bool { return len(v.Failed()) == 0 }

// Failed lists the checks with a measure beyond its limit, in the order of the checks.
func (v *Verdict) Failed() []Check {
	var c []Check
	for _, m := range v.Measures {
		if m.Failed && (len(c) == 0 || c[len(c)-1] != m.Check) {
			c = append(c, m.Check)
		}
	}
	return c
}

// Undeliverable tells whether a measure says that there is no picture to deliver.
func (v *Verdict) Undeliverable() bool {
	for _, m := range v.Measures {
		if m.Failed && m.Hard {
			return true
		}
	}
	return false
}

// Value is the named measure, like ("edges", "recall"); ok is false when it was not taken.
func (v *Verdict) Value(c Check, name string) (x float64, ok bool) {
	for _, m := range v.Measures {
		if m.Check == c && m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// Findings are the measures beyond their limits, as a report has them: failures when the
// picture is undeliverable, else warnings, with the worst region.
func (v *Verdict) Findings() []realedit.Finding {
	var out []realedit.Finding
	for _, m := range v.Measures {
		if !m.Failed {
			continue
		}
		f := realedit.Finding{Check: "qc_" + string(m.Check), Severity: realedit.Warning, Value: m.Value, Limit: m.Limit}
		if m.Hard {
			f.Severity = realedit.Failure
		}
		than := "above"
		if m.AtLeast {
			than = "below"
		}
		f.Message = fmt.Sprintf("%s %s is %.4g, %s its limit %.4g", m.Check, m.Name, m.Value, than, m.Limit)
		if len(m.Regions) > 0 {
			f.Region = realedit.RectangleOf(m.Regions[0].Rect)
		}
		out = append(out, f)
	}
	return out
}

// Numbers are all measures by "qc_check_name", for a report.
func (v *Verdict) Numbers() map[string]float64 {
	n := map[string]float64{"qc_judged": v.Judged}
	for _, m := range v.Measures {
		n["qc_"+string(m.Check)+"_"+m.Name] = m.Value
	}
	return n
}

// worst sorts regions, worst first, and keeps the first few.
func worst(rs []Region, atLeast bool) []Region {
	sort.SliceStable(rs, func(i, j int) bool {
		if atLeast {
			return rs[i].Value < rs[j].Value
		}
		return rs[i].Value > rs[j].Value
	})
	return rs[:min(len(rs), maxRegions)]
}
