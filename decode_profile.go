package realedit

import "github.com/realedit/realedit/internal/container"

func colourOfProfile(h container.Header, profile []byte) (*colourSpace, string) {
	return nil, "ICC profile left out"
}
