package text

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A prompt that is 64 times as long takes not much more than 64 times as long, whatever it is made of: none keeps a processor busy. The bound leaves room for a
// machine that does other work meanwhile; where the square of the length counts it is 4096 times.
func TestLongPrompts(t *testing.T) {
	best := func(prompt string, times int) time.Duration {
		d := time.Hour
		for range times {
			start := time.Now()
			CLIPBigG.Tokenize(prompt)
			d = min(d, time.Since(start))
		}
		return d
	}
	for _, unit := range longUnits {
		short, long := best(repeat(unit, 1_000), 9), best(repeat(unit, 64_000), 2)
		t.Logf("%-22q %8v, 64 times as many %8v", unit, short, long)
		require.Less(t, long, 800*max(short, 20*time.Microsecond), "%q", unit)
	}
}

// longUnits are what long prompts consist of in tests and benchmarks.
var longUnits = []string{"a bright room, ", "a", "in", "supercalifragilistic", "the", "!", "'", "9", "<|endoftext|>", "<|", "é", "e\u0301", "\u0301", "a\u0301\u0323", "ộ", "각", "zq\u0323", "部", "🏠", "\xff", " "}

// repeat is a text of n bytes.
func repeat(unit string, n int) string {
	return strings.Repeat(unit, n/len(unit)+1)[:n]
}

func BenchmarkTokenize(b *testing.B) {
	CLIPL.Tokenize("warm é")
	for _, unit := range longUnits {
		prompt := strings.Repeat(unit, 10_000/utf8.RuneCountInString(unit))
		b.Run(unit, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				CLIPL.Tokenize(prompt)
			}
		})
	}
	b.Run("a prompt", func(b *testing.B) {
		for b.Loop() {
			CLIPL.Encode(presets[1].Prompt)
		}
	})
}

// BenchmarkTables is what the first prompt takes besides: the merges, and for other text than ASCII the classes.
func BenchmarkTables(b *testing.B) {
	b.Run("merges", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			readMerges()
		}
	})
	b.Run("characters", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			readCharacters()
		}
	})
}

// For every string: no panic, tokens of the vocabulary, an input that is well formed, the same from Encode and Tokenize; and the text of
// the tokens has the same tokens, unless a mark is among them, behind which the spelling has no space.
func FuzzTokenize(f *testing.F) {
	for _, s := range append([]string{"", "it's a room!", "<|endoftext|>x", "e\u0301\u0323", "ΟΔΟΣ İ", "\xf0\x9f\x8f", "각", "\x1c 12½ ٣"}, longUnits...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, prompt string) {
		for _, e := range []Encoder{CLIPL, CLIPBigG} {
			ids, truncated := e.Tokenize(prompt)
			marked := false
			for _, id := range ids {
				if id < 0 || id > EOS {
					t.Fatalf("token %d", id)
				}
				marked = marked || id >= BOS
			}
			input, cut := e.Encode(prompt)
			n := min(len(ids), Length-2)
			if cut != truncated || cut != (len(ids) > n) || input[0] != BOS || !slices.Equal(input[1:1+n], ids[:n]) || input[1+n] != EOS {
				t.Fatalf("%v from %v", input, ids)
			}
			for _, id := range input[n+2:] {
				if id != e.Pad() {
					t.Fatalf("padded with %d", id)
				}
			}
			text := decode(ids)
			if !utf8.ValidString(text) {
				t.Fatalf("%q", text)
			}
			if again, _ := e.Tokenize(text); !marked && !slices.Equal(again, ids) {
				t.Fatalf("%v, again %v of %q", ids, again, text)
			}
		}
	})
}
