package hdr

import (
	"context"
	"image"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// cutouts are the parts of m that rects, all of one size, name, on the host. From a device they
// come in one piece: hundreds of small transfers take longer than what they carry.
func cutouts(ctx context.Context, env *realedit.Env, m *kernels.Image, rects []image.Rectangle) (cut []*kernels.Image, free func(), err error) {
	if m.OnHost() || len(rects) == 0 {
		for _, r := range rects {
			cut = append(cut, m.SubImage(r))
		}
		return cut, func() {}, nil
	}
	const columns = 32
	size := rects[0].Size()
	sheet, err := env.NewImage(min(columns, len(rects))*size.X, (len(rects)+columns-1)/columns*size.Y, m.Channels(), m.Format())
	if err != nil {
		return nil, nil, err
	}
	defer sheet.Free()
	at := func(i int) image.Rectangle {
		p := image.Pt(i%columns*size.X, i/columns*size.Y)
		return image.Rectangle{Min: p, Max: p.Add(size)}
	}
	for i, r := range rects {
		if err := env.Ops.Convert(sheet.SubImage(at(i)), m.SubImage(r)); err != nil {
			return nil, nil, err
		}
	}
	host, free, err := kernels.ToHost(ctx, env.Backend, sheet)
	if err != nil {
		return nil, nil, err
	}
	for i := range rects {
		cut = append(cut, host.SubImage(at(i)))
	}
	return cut, free, nil
}

// patch is the luma of s (3 channels, U8 or U16, on the host), nan where a channel is blown.
func patch(s *kernels.Image) *plane {
	p := newPlane(s.Width(), s.Height())
	for y := range p.h {
		out := p.row(y)
		if s.Format() == kernels.U8 {
			row := s.RowU8(y)
			for x := range out {
				out[x] = trackValue(float32(row[3*x])/255, float32(row[3*x+1])/255, float32(row[3*x+2])/255)
			}
			continue
		}
		row := s.RowU16(y)
		for x := range out {
			out[x] = trackValue(float32(row[3*x])/65535, float32(row[3*x+1])/65535, float32(row[3*x+2])/65535)
		}
	}
	return p
}
