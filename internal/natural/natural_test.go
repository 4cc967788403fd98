package natural

import (
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	want := []string{"", "7", "07", "12", "A-9", "A-10", "A-10b", "img9", "img10", "img010"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, Compare)
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
}

func TestCompareIsAnOrder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"img9", "img10", -1}, {"img010", "img10", 1}, {"a", "b", -1}, {"a", "a", 0}, {"a1b2", "a1b10", -1}, {"", "a", -1}, {"100", "99", 1}} {
		if got := Compare(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %d", c.a, c.b, got)
		}
		if got := Compare(c.b, c.a); got != -c.want {
			t.Errorf("%q, %q: not antisymmetric", c.b, c.a)
		}
	}
}
