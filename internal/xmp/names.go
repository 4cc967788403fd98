// Package xmp merges facts into XMP packets (ISO 16684-1) without touching a
// byte of the properties it is not asked about. It does not keep a data model: it finds
// where properties lie in the packet's text and cuts, replaces and inserts there.
package xmp

import "strings"

// Namespaces.
const (
	NSRDF       = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	NSXMP       = "http://ns.adobe.com/xap/1.0/"
	NSTIFF      = "http://ns.adobe.com/tiff/1.0/"
	NSExif      = "http://ns.adobe.com/exif/1.0/"
	NSDC        = "http://purl.org/dc/elements/1.1/"
	NSTerms     = "http://purl.org/dc/terms/"
	NSPhotoshop = "http://ns.adobe.com/photoshop/1.0/"
	NSNote      = "http://ns.adobe.com/xmp/note/"
	NSIptcExt   = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
	NSGainMap   = "http://ns.adobe.com/hdr-gain-map/1.0/"
	NSContainer = "http://ns.google.com/photos/1.0/container/"
	NSGCamera   = "http://ns.google.com/photos/1.0/camera/"
)

// DigitalSourceType is the property that says where a picture's pixels come from.
var DigitalSourceType = Name{NSIptcExt, "DigitalSourceType"}

// Values of Iptc4xmpExt:DigitalSourceType: concepts of IPTC's NewsCodes vocabulary
// http://cv.iptc.org/newscodes/digitalsourcetype/ (version of 2024-10-23), with its definitions in short.
const (
	sourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/"
	// DigitalCapture: captured from a real-life source with a digital camera.
	DigitalCapture = sourceType + "digitalCapture"
	// ComputationalCapture ("multi-frame computational capture"): several frames of a
	// real-life source merged by signal processing or non-generative AI; includes HDR. A fused bracket.
	ComputationalCapture = sourceType + "computationalCapture"
	// AlgorithmicallyEnhanced ("algorithmically-altered media"): modified or
	// corrected by an algorithm without changing the main content, without generative AI.
	AlgorithmicallyEnhanced = sourceType + "algorithmicallyEnhanced"
	// Composite: a mix of elements, any of which may or may not be generative AI. A computed sky.
	Composite = sourceType + "composite"
	// CompositeCapture: a mix of elements that are all captures of real life. A sky from a library of photographs.
	CompositeCapture = sourceType + "compositeCapture"
	// CompositeWithTrainedAlgorithmicMedia ("edited using generative AI"): modified
	// with a generative model, as by inpainting or outpainting.
	CompositeWithTrainedAlgorithmicMedia = sourceType + "compositeWithTrainedAlgorithmicMedia"
)

// sourceTypes are all concepts of the vocabulary, retired ones included, by how far what they name is from one exposure of a camera.
var sourceTypes = map[string]int{
	"digitalCapture": 1, "negativeFilm": 2, "positiveFilm": 2, "print": 2, "computationalCapture": 3,
	"minorHumanEdits": 4, "humanEdits": 4, "algorithmicallyEnhanced": 4, "compositeCapture": 5, "composite": 6,
	"screenCapture": 7, "virtualRecording": 7, "digitalArt": 7, "digitalCreation": 7, "softwareImage": 7, "dataDrivenMedia": 7, "algorithmicMedia": 7,
	"compositeSynthetic": 8, "compositeWithTrainedAlgorithmicMedia": 9, "trainedAlgorithmicMedia": 10,
}

// SourceTypeName is the concept that a value of Iptc4xmpExt:DigitalSourceType names ("composite"), written as a URI or as a name with or without prefix; ""
// for digitalCapture, which says nothing beyond what is taken for granted, and for what the vocabulary does not have.
func SourceTypeName(value string) string {
	name := strings.TrimSpace(value)
	name = name[strings.LastIndexAny(name, "/:")+1:]
	if sourceTypes[name] <= 1 {
		return ""
	}
	return name
}

// FurtherSourceType is the one of a value of this package and a concept's name that is further from one exposure of a camera, as a value: what
// is made of a composite stays one.
func FurtherSourceType(value, name string) string {
	if sourceTypes[name] > sourceTypes[strings.TrimPrefix(value, sourceType)] {
		return sourceType + name
	}
	return value
}
