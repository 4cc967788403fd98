package text

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorded is testdata/clip.json; clip.py says what the fields are.
type recorded struct {
	Cases []struct {
		Text            string
		Bytes           string
		Times           int
		CLIPL, CLIPBigG *recordedIDs
		Input           string
		Decoded         *string
		DecodedBigG     *string
	}
	Characters map[string]string
}

type recordedIDs struct {
	IDs    []int32
	Count  int
	SHA256 string
}

func load(t testing.TB) (r recorded) {
	data, err := os.ReadFile("testdata/clip.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	require.GreaterOrEqual(t, len(r.Cases), 600)
	return r
}

func digest(rows ...[]int32) string {
	h := sha256.New()
	for _, ids := range rows {
		for _, id := range ids {
			h.Write(binary.LittleEndian.AppendUint32(nil, uint32(id)))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// What transformers makes of the recorded prompts, for both encoders: tokens, padded input, text of the tokens.
func TestTokensAreThoseOfTransformers(t *testing.T) {
	differ := 0
	for _, c := range load(t).Cases {
		prompt := c.Text
		if c.Bytes != "" {
			b, err := hex.DecodeString(c.Bytes)
			require.NoError(t, err)
			prompt = string(b)
		}
		if c.Times > 0 {
			prompt = strings.Repeat(prompt, c.Times)
		}
		if c.CLIPBigG == nil {
			c.CLIPBigG = c.CLIPL
		} else {
			differ++
		}
		var rows [2][]int32
		for e, want := range []*recordedIDs{CLIPL: c.CLIPL, CLIPBigG: c.CLIPBigG} {
			ids, truncated := Encoder(e).Tokenize(prompt)
			if want.SHA256 != "" {
				require.Equal(t, want.Count, len(ids), "%.80q for %d", prompt, e)
				require.Equal(t, want.SHA256, digest(ids), "%.80q for %d", prompt, e)
			} else {
				require.Equal(t, want.IDs, append([]int32{}, ids...), "%q for %d", prompt, e)
			}
			require.Equal(t, len(ids) > 75, truncated)
			input, cut := Encoder(e).Encode(prompt)
			require.Equal(t, truncated, cut, "%.80q", prompt)
			rows[e] = input[:]
			if c.Decoded != nil {
				decoded := *c.Decoded
				if Encoder(e) == CLIPBigG && c.DecodedBigG != nil {
					decoded = *c.DecodedBigG
				}
				require.Equal(t, decoded, python(decode(ids)), "%q", prompt)
			}
		}
		require.Equal(t, c.Input, digest(rows[0], rows[1]), "%.80q", prompt)
	}
	require.Greater(t, differ, 20) // exclamation marks
}

// python strips what str.strip does; decode leaves separators such as U+001C, which are no spaces to the tokenizer.
func python(s string) string {
	return strings.Trim(s, " \x1c\x1d\x1e\x1f")
}

// Every character of Unicode: its class, its small letter, and what it composes with.
func TestEveryCharacter(t *testing.T) {
	r := load(t)
	require.Equal(t, 207, len(r.Characters))
	for block, want := range r.Characters {
		first, err := strconv.ParseUint(block, 16, 32)
		require.NoError(t, err)
		var rows [][]int32
		for c := rune(first); c < rune(first)+1024; c++ {
			for _, s := range []string{"a" + string(c) + "A", " " + string(c), "é" + string(c) + "\u0323"} {
				ids, _ := CLIPL.Tokenize(s)
				rows = append(rows, ids)
			}
		}
		require.Equal(t, want, digest(rows...), "characters from U+%s", block)
	}
}
