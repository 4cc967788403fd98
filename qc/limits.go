package qc

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/realedit/realedit"
)

// Check names a check; the finding's code is "qc_" and the name.
type Check string

// The checks, in the order they run.
const (
	Resolution Check = "resolution"
	Empty      Check = "empty"
	Leak       Check = "leak"
	Clipping   Check = "clipping"
	Structure  Check = "structure"
	Edges      Check = "edges"
	Shift      Check = "shift"
	Lines      Check = "lines"
	Regions    Check = "regions"
	Cast       Check = "cast"
	DeltaE     Check = "delta_e"
	Detail     Check = "detail"
	Seams      Check = "seams"
)

// Limits is the one table of limits; docs/qc.md prints it. A field that is 0 means its
// default, a negative one switches the limit off. The tag's first word is the check,
// the second the measure, "min" or "max" how the limit bounds it, then the default.
type Limits struct {
	StructureMean  float64 `qc:"structure mean min 0.88"`
	StructureWorst float64 `qc:"structure worst min 0.2"`
	StructureHard  float64 `qc:"structure undeliverable min 0.4"`
	EdgesRecall    float64 `qc:"edges recall min 0.98"`
	EdgesPrecision float64 `qc:"edges precision min 0.98"`
	EdgesLost      float64 `qc:"edges lost max 0.25"`
	EdgesInvented  float64 `qc:"edges invented max 0.25"`
	ShiftPixels    float64 `qc:"shift pixels max 1"`
	LinesDegrees   float64 `qc:"lines degrees max 0.3"`
	LinesPixels    float64 `qc:"lines pixels max 1"`
	RegionsTone    float64 `qc:"regions tone max 0.22"`
	RegionsColour  float64 `qc:"regions colour max 0.06"`
	RegionsLamps   float64 `qc:"regions lamps max 0.3"`
	RegionsShift   float64 `qc:"regions shift max 1.5"`
	CastMean       float64 `qc:"cast drift max 2"`
	CastWorst      float64 `qc:"cast worst max 2"`
	DeltaEMean     float64 `qc:"delta_e mean max 1"`
	DeltaEP95      float64 `qc:"delta_e p95 max 2"`
	DeltaEMax      float64 `qc:"delta_e max max 6"`
	DetailKept     float64 `qc:"detail kept min 0.75"`
	SeamsStep      float64 `qc:"seams step max 1"`
	ClippingBlown  float64 `qc:"clipping blown max 0.005"`
	ClippingCrush  float64 `qc:"clipping crushed max 0.005"`
	LeakPixels     float64 `qc:"leak pixels max 0"`
	EmptyNoise     float64 `qc:"empty noise max 0.6"`
	EmptyContrast  float64 `qc:"empty contrast min 1"`
	EmptyNaN       float64 `qc:"empty nan max 0"`
	EmptyUniform   float64 `qc:"empty uniform max 0.98"`
	ResolutionSize float64 `qc:"resolution pixels max 0"`
}

// limit is one row of the table.
type limit struct {
	check   Check
	measure string
	atLeast bool
	value   float64
	off     bool
}

// rows are the limits with defaults filled in, by "check.measure".
func (l Limits) rows() map[string]limit {
	m := map[string]limit{}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		var r limit
		var bound string
		if _, err := fmt.Sscanf(v.Type().Field(i).Tag.Get("qc"), "%s %s %s %g", &r.check, &r.measure, &bound, &r.value); err != nil {
			panic("qc: bad tag on " + v.Type().Field(i).Name)
		}
		r.atLeast = bound == "min"
		if x := v.Field(i).Float(); x > 0 {
			r.value = x
		} else if x < 0 {
			r.off = true
		}
		m[string(r.check)+"."+r.measure] = r
	}
	return m
}

// set puts limits in by "check.measure"; those that do not occur are the defaults.
func (l *Limits) set(values map[string]float64) error {
	*l = Limits{}
	v := reflect.ValueOf(l).Elem()
	left := len(values)
	for i := range v.NumField() {
		f := strings.Fields(v.Type().Field(i).Tag.Get("qc"))
		if x, ok := values[f[0]+"."+f[1]]; ok {
			v.Field(i).SetFloat(x)
			left--
		}
	}
	if left > 0 {
		return realedit.Errorf(realedit.CodeBadOption, "qc", "limits: %v holds one that is none", values)
	}
	return l.validate()
}

// validate refuses NaN and infinite limits.
func (l Limits) validate() error {
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		if x := v.Field(i).Float(); x != x || x > 1e12 || x < -1e12 {
			return realedit.Errorf(realedit.CodeBadOption, "qc", "Limits.%s: %g is not a limit", v.Type().Field(i).Name, x)
		}
	}
	return nil
}

// Table is the limits in force, as rows of a markdown table.
func (l Limits) Table() string {
	var b strings.Builder
	t := reflect.TypeOf(l)
	rows := l.rows()
	for i := range t.NumField() {
		f := strings.Fields(t.Field(i).Tag.Get("qc"))
		r := rows[f[0]+"."+f[1]]
		bound := "≤"
		if r.atLeast {
			bound = "≥"
		}
		val := fmt.Sprintf("%s %g", bound, r.value)
		if r.off {
			val = "off"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.check, r.measure, val, t.Field(i).Name)
	}
	return b.String()
}
