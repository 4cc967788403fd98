package icc

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"
)

var sRGBProfile = sync.OnceValue(makeSRGB)

// SRGBProfile returns the sRGB profile that exports embed: version 2.1, which every
// reader knows, with IEC 61966-2-1's primaries adapted to D50 by Bradford and its
// curve as a table of 1024 entries. It is shared: the caller must not change it.
func SRGBProfile() []byte { return sRGBProfile() }

// SRGBName is the description of the profile.
const SRGBName = "sRGB IEC61966-2.1"

// Numbers of the profile in 1/65536, written out so that every machine embeds the
// same bytes; a test derives them. The colorants sum to D50 exactly: white stays white.
var (
	d50           = [3]uint32{63190, 65536, 54061}
	srgbColorants = [3][3]uint32{{28576, 14581, 912}, {25239, 46983, 6361}, {9375, 3972, 46788}}
	chadD65       = [9]int32{68674, 1502, -3291, 1939, 64912, -1119, -606, 988, 49262} // Bradford, D65 to D50
)

func makeSRGB() []byte {
	be := binary.BigEndian
	xyz := func(v ...uint32) []byte {
		b := []byte("XYZ \x00\x00\x00\x00")
		for _, x := range v {
			b = be.AppendUint32(b, x)
		}
		return b
	}
	desc := be.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(SRGBName)+1))
	desc = append(append(desc, SRGBName...), 0)
	desc = append(desc, make([]byte, 4+4+2+1+67)...) // no Unicode, no ScriptCode name
	curv := be.AppendUint32([]byte("curv\x00\x00\x00\x00"), 1024)
	for i := range 1024 {
		curv = be.AppendUint16(curv, uint16(math.Round(65535*srgbCurve(float64(i)/1023))))
	}
	chad := []byte("sf32\x00\x00\x00\x00")
	for _, v := range chadD65 {
		chad = be.AppendUint32(chad, uint32(v))
	}
	tags := []struct {
		name string
		data []byte
	}{
		{"desc", desc},
		{"cprt", append([]byte("text\x00\x00\x00\x00No copyright, use freely"), 0)},
		{"wtpt", xyz(d50[:]...)},
		{"chad", chad},
		{"rXYZ", xyz(srgbColorants[0][:]...)},
		{"gXYZ", xyz(srgbColorants[1][:]...)},
		{"bXYZ", xyz(srgbColorants[2][:]...)},
		{"rTRC", curv}, {"gTRC", curv}, {"bTRC", curv},
	}
	table := be.AppendUint32(nil, uint32(len(tags)))
	var body []byte
	start := 128 + 4 + 12*len(tags)
	at := 0
	for i, t := range tags {
		if i == 0 || !bytes.Equal(t.data, tags[i-1].data) { // the three curves are one
			body = append(body, make([]byte, -len(body)&3)...)
			at = start + len(body)
			body = append(body, t.data...)
		}
		table = append(table, t.name...)
		table = be.AppendUint32(be.AppendUint32(table, uint32(at)), uint32(len(t.data)))
	}
	body = append(body, make([]byte, -len(body)&3)...)
	h := make([]byte, 128)
	be.PutUint32(h, uint32(start+len(body)))
	be.PutUint32(h[8:], 0x02100000)
	copy(h[12:], "mntrRGB XYZ ")
	for i, v := range []uint16{2026, 1, 1, 0, 0, 0} {
		be.PutUint16(h[24+2*i:], v)
	}
	copy(h[36:], "acsp")
	for i, v := range d50 {
		be.PutUint32(h[68+4*i:], v)
	}
	return append(append(h, table...), body...)
}
