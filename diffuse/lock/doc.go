// Package lock keeps a generative model from inventing anything: of a model's picture it takes over how the tone and the colour of
// regions changed, and nothing else. What it gives is the deterministic picture with a smooth curve per channel applied, a few kilobytes of
// coefficients over the picture ([Grid]) that lie in the report and make the same bytes again.
//
// [Fit] finds the grid from both pictures, reduced; [Apply] makes the picture at full size. docs/lock.md says what is bounded, by how
// much, and what a model can still do.
package lock
