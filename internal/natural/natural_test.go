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
