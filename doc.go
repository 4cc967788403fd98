// Package realedit turns a property's raw photographs and exposure brackets into
// market-ready pictures of the same scene.
//
// It holds the vocabulary and the two ends of the flow. Ingest: Open and Decode
// read a Photo, Group sorts photos into Sets (brackets and singles). Running: an
// Editor takes a Set through a Stage, usually a pipeline from package pipeline,
// under a Policy, and answers with a Result: the picture, a map of what was
// changed, and a Report with the numbers. Export: Result.Encode.
package realedit
