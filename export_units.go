package realedit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/realedit/realedit/internal/jpegcoef"
)

// unitHash makes OutputFacts.UnitsSHA256. Rows of coding units may come in any order and at the same time.
type unitHash struct {
	touched [][]bool // of each row of units, those with a computed or synthesised pixel
	rows    [][sha256.Size]byte
	width   int
	height  int
}

// newUnitHash is for a picture of width×height pixels in units of uw×uh; the map has the picture's size.
func newUnitHash(changes *AlterationMap, width, height, uw, uh int) *unitHash {
	down := (height + uh - 1) / uh
	return &unitHash{touchedUnits(changes, uw, uh), make([][sha256.Size]byte, down), width, height}
}

// touchedUnits tells of each coding unit of uw×uh pixels whether it has a computed or synthesised one.
func touchedUnits(changes *AlterationMap, uw, uh int) [][]bool {
	w, h := changes.Map.Width(), changes.Map.Height()
	rows := make([][]bool, (h+uh-1)/uh)
	inBands(len(rows), func(i0, i1 int) {
		for i := i0; i < i1; i++ {
			rows[i] = make([]bool, (w+uw-1)/uw)
			for y := i * uh; y < min(h, (i+1)*uh); y++ {
				row := changes.Map.RowU8(y)
				for j := range rows[i] {
					for _, c := range row[j*uw : min(w, (j+1)*uw)] {
						if Change(c) >= ChangeComputed {
							rows[i][j] = true
							break
						}
					}
				}
			}
		}
	})
	return rows
}

// add hashes a row of units: coefficients of 16 bits, big-endian, those of touched units as 0.
func (u *unitHash) add(y int, row []int16, buf []byte) {
	n := len(row) / len(u.touched[y])
	for i, touched := range u.touched[y] {
		b := buf[2*n*i : 2*n*(i+1)]
		if touched {
			clear(b)
			continue
		}
		for _, v := range row[n*i : n*(i+1)] {
			binary.BigEndian.PutUint16(b, uint16(v))
			b = b[2:]
		}
	}
	u.rows[y] = sha256.Sum256(buf[:2*len(row)])
}

// addFile hashes all rows of a JPEG file that holds a band of the picture, whose first row of units is row first.
func (u *unitHash) addFile(data []byte, first int) error {
	f, err := jpegcoef.Parse(data)
	if err != nil {
		return err
	}
	var buf []byte // the band has no restart intervals: its rows come one after the other
	return f.Rows(context.Background(), func(y int, row []int16) error {
		if buf == nil {
			buf = make([]byte, 2*len(row))
		}
		u.add(first+y, row, buf)
		return nil
	})
}

// sum is the hash of what the coefficients mean (size, sampling, quantisation) and of the rows' hashes.
func (u *unitHash) sum(f *jpegcoef.File) string {
	h := sha256.New()
	head := binary.BigEndian.AppendUint32(nil, uint32(u.width))
	head = binary.BigEndian.AppendUint32(head, uint32(u.height))
	for _, c := range f.Components {
		head = append(head, byte(c.H), byte(c.V))
		for _, q := range c.Quant {
			head = binary.BigEndian.AppendUint16(head, q)
		}
	}
	h.Write(head)
	for _, r := range u.rows {
		h.Write(r[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
