package realedit

import (
	"sync"

	"github.com/realedit/realedit/kernels"
)

// PixelCache keeps the pixels of recently opened photos until they are first asked
// for, so that a photo is decoded once for its facts and its edit. It holds at most
// limit bytes; the oldest go first. Safe for concurrent use; nil caches nothing.
type PixelCache struct {
	mu    sync.Mutex
	limit int64
	used  int64
	order []*Photo
	held  map[*Photo]*kernels.Image
}

// NewPixelCache returns a cache of at most limit bytes.
func NewPixelCache(limit int64) *PixelCache {
	return &PixelCache{limit: limit, held: map[*Photo]*kernels.Image{}}
}

// put takes ownership of m.
func (c *PixelCache) put(p *Photo, m *kernels.Image) {
	if c == nil || m.Bytes() > c.limit {
		m.Free()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.used+m.Bytes() > c.limit {
		c.drop(c.order[0])
	}
	c.held[p] = m
	c.order = append(c.order, p)
	c.used += m.Bytes()
}

// take hands ownership of p's pixels to the caller; nil when they are not here.
func (c *PixelCache) take(p *Photo) *kernels.Image {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.held[p]
	if m != nil {
		c.forget(p)
	}
	return m
}

// Clear frees everything.
func (c *PixelCache) Clear() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.order) > 0 {
		c.drop(c.order[0])
	}
}

func (c *PixelCache) drop(p *Photo) {
	m := c.held[p]
	c.forget(p)
	m.Free()
}

func (c *PixelCache) forget(p *Photo) {
	c.used -= c.held[p].Bytes()
	delete(c.held, p)
	for i, q := range c.order {
		if q == p {
			c.order = append(c.order[:i], c.order[i+1:]...)
			return
		}
	}
}
