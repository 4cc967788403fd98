package realedit

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// What each policy allows, as docs/pipeline.md has it.
func TestPolicies(t *testing.T) {
	all := []Change{ChangeNone, ChangeTone, ChangeGeometry, ChangeFrame, ChangeLocked, ChangeComputed, ChangeSynthesised}
	require.Len(t, all, int(numChanges))
	require.Equal(t, CorrectedOnly, Config{}.Policy)
	for p, forbidden := range map[Policy][]Change{
		CorrectedOnly: {ChangeComputed, ChangeSynthesised},
		Permissive:    nil,
		AB723:         nil,
		MLSStrict:     {ChangeSynthesised},
		Primary:       {ChangeFrame, ChangeComputed, ChangeSynthesised},
	} {
		for _, c := range all {
			require.Equal(t, !slices.Contains(forbidden, c), p.Allows(c), "%v: %v", p, c)
		}
		require.Equal(t, p == AB723 || p == MLSStrict, p.NeedsSibling(), "%v", p)
	}
}

// Each set has its own policy, and the report says which.
func TestPolicyOfEachSet(t *testing.T) {
	pull := act{name: "pull", change: ChangeFrame}
	e := editor(t, Config{Backends: []kernels.Backend{kerneltest.Host(t)}, Policy: AB723, PolicyFor: func(s Set) Policy {
		switch s.ID {
		case "first":
			return Primary
		case "wrong":
			return Policy(99)
		}
		return MLSStrict
	}})
	for id, want := range map[string]Policy{"first": Primary, "other": MLSStrict} {
		r, err := e.Process(context.Background(), acts{doing{}, pull}, tiny(t, id))
		require.NoError(t, err)
		require.Equal(t, want, r.Report.Policy)
		require.Equal(t, id == "first", slices.Contains(checks(r), CheckPolicyRefused))
		r.Free()
	}
	_, err := e.Process(context.Background(), acts{doing{}}, tiny(t, "wrong"))
	require.Equal(t, CodeBadOption, CodeOf(err))
}

// A stage that changes more than it declares does not get past its policy.
func TestUndeclaredChangeIsNotDelivered(t *testing.T) {
	sly := act{name: "sly", change: ChangeTone, do: func(_ context.Context, _ *Env, w *Work) (err error) {
		w.Changes, err = NewAlterationMap(w.Image.Width(), w.Image.Height())
		w.Changes.Map.RowU8(3)[5] = uint8(ChangeComputed)
		return err
	}}
	for p, want := range map[Policy]Code{CorrectedOnly: CodePolicyRefused, Primary: CodePolicyRefused, AB723: "", MLSStrict: ""} {
		b := kerneltest.Host(t)
		r, err := editor(t, Config{Backends: []kernels.Backend{b}, Policy: p}).Process(context.Background(), acts{doing{}, sly}, tiny(t, "a"))
		require.Equal(t, want, CodeOf(err), "%v", p)
		r.Free()
	}
}
