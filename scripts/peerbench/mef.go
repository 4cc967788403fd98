package main

import (
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"path/filepath"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/internal/mefssim"
	"github.com/realedit/realedit/kernels"
)

// scoreMEF prints the MEF-SSIM of a merge. Every file is an 8-bit picture of one size.
func scoreMEF(fused string, photos []string) error {
	if fused == "" || len(photos) == 0 {
		return errors.New("want mefssim -fused FILE and photos")
	}
	b, err := kernels.Open("cpu")
	if err != nil {
		return err
	}
	defer b.Close()
	all, err := open(b, append([]string{fused}, photos...))
	if err != nil {
		return err
	}
	r, err := mefssim.Score(all[1:], all[0])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"fused": filepath.Base(fused), "photos": len(photos), "score": r.Score, "scales": r.Scales})
}

func open(b kernels.Backend, names []string) (all []*kernels.Image, err error) {
	for _, n := range names {
		p, err := realedit.Open(n, &realedit.DecodeOptions{Backend: b})
		if err != nil {
			return nil, err
		}
		m, err := p.Pixels(context.Background(), b)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// fusePhotos writes the robust merge of photos that are not aligned first: what the merge alone is worth.
func fusePhotos(out string, names []string) error {
	if out == "" || len(names) == 0 {
		return errors.New("want fuse -out FILE.png and photos")
	}
	b, err := kernels.Open("cpu")
	if err != nil {
		return err
	}
	defer b.Close()
	photos, err := open(b, names)
	if err != nil {
		return err
	}
	dst, err := blank(b, photos[0], kernels.U8)
	if err != nil {
		return err
	}
	if err := b.Ops().Fuse(dst, photos, nil); err != nil {
		return err
	}
	m, err := realedit.Picture(dst)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := png.Encode(f, m); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
