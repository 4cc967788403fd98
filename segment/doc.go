// Package segment finds regions of a picture: windows from the evidence of a bracket,
// refined to the picture's own edges.
package segment
