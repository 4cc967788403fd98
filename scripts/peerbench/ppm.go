package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/realedit/realedit/kernels"
)

// writePPM writes an image of 3 channels, U8 or U16, as binary PPM.
func writePPM(path string, m *kernels.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	top := 255
	if m.Format() == kernels.U16 {
		top = 65535
	}
	fmt.Fprintf(w, "P6\n%d %d\n%d\n", m.Width(), m.Height(), top)
	row := make([]byte, 6*m.Width())
	for y := range m.Height() {
		if top == 255 {
			w.Write(m.Row(y))
			continue
		}
		for i, v := range m.RowU16(y) {
			row[2*i], row[2*i+1] = byte(v>>8), byte(v)
		}
		w.Write(row)
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// readPPM reads what writePPM wrote.
func readPPM(b kernels.Backend, path string) (*kernels.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var w, h, top int
	if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &w, &h, &top); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	format := kernels.U8
	if top == 65535 {
		format = kernels.U16
	}
	m, err := b.NewImage(w, h, 3, format)
	if err != nil {
		return nil, err
	}
	for y := range h {
		row := m.Row(y)
		if _, err := io.ReadFull(r, row); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if format == kernels.U16 {
			for i, v := range m.RowU16(y) {
				m.RowU16(y)[i] = v<<8 | v>>8
			}
		}
	}
	return m, nil
}
