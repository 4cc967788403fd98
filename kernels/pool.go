package kernels

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"unsafe"
)

// Pool hands out host memory for images and takes it back for reuse.
//
// First touch of fresh pages costs up to a second per GiB on virtual machines, so
// blocks are kept and reused between operations, stages and pictures, and large
// ones are advised to huge pages. Blocks are ordinary garbage-collected memory:
// one that is never freed is collected like anything else, only not reused.
// A Pool is safe for concurrent use.
type Pool struct {
	mu    sync.Mutex
	limit int64 // bytes in use at most; 0 = no limit
	inUse int64
	peak  int64
	idle  map[int][][]byte // size class → free blocks
	kept  int64            // bytes in idle
	full  []*func(int64)   // see OnFull
}

// NewPool returns a pool that lets at most limit bytes be in use at once (0 = no limit).
func NewPool(limit int64) *Pool {
	return &Pool{limit: limit, idle: map[int][][]byte{}}
}

// smallBlock is the size below which a block is left to the garbage collector.
const smallBlock = 1 << 16

// SizeClass is the size of the block that n bytes are served from: it rounds up to an eighth of a power of two: at most 12.5 % is wasted.
func SizeClass(n int) int {
	if n <= smallBlock {
		return n
	}
	step := 1 << (bits.Len(uint(n-1)) - 4)
	return (n + step - 1) / step * step
}

// Get returns a block of n bytes with undefined contents, and the function that
// gives it back. Past the limit the error wraps ErrHostMemory.
func (p *Pool) Get(n int64) ([]byte, func(), error) {
	if n < 0 || n != int64(int(n)) {
		return nil, nil, argErr("Pool.Get", "n", "%d bytes", n)
	}
	size := SizeClass(int(n))
	if err := p.lockFor(int64(size)); err != nil {
		return nil, nil, err
	}
	p.inUse += int64(size)
	p.peak = max(p.peak, p.inUse)
	var b []byte
	if l := p.idle[size]; len(l) > 0 {
		b = l[len(l)-1]
		p.idle[size] = l[:len(l)-1]
		p.kept -= int64(size)
	} else if p.limit > 0 && p.inUse+p.kept > p.limit {
		p.dropIdle() // other sizes lie idle: let them go rather than grow past the limit
	}
	p.mu.Unlock()
	if b == nil {
		b = make([]byte, size)
		adviseHuge(b)
	}
	var once sync.Once
	return b[:n], func() { once.Do(func() { p.put(b) }) }, nil
}

// lockFor locks the pool with room for size more bytes, which those make that OnFull named if there is none. On an error the pool is not locked.
func (p *Pool) lockFor(size int64) error {
	p.mu.Lock()
	free := slices.Clone(p.full)
	for p.limit > 0 && size > p.limit-p.inUse {
		used, limit := p.inUse, p.limit
		p.mu.Unlock()
		if len(free) == 0 {
			return fmt.Errorf("kernels: %d MiB asked for with %d of %d MiB in use: %w", size>>20, used>>20, limit>>20, ErrHostMemory)
		}
		(*free[0])(used + size - limit)
		free = free[1:]
		p.mu.Lock()
	}
	return nil
}

// Reserve counts n bytes that lie elsewhere (a model's session) as in use, until release is called. Past the limit the error wraps ErrHostMemory.
func (p *Pool) Reserve(n int64) (release func(), err error) {
	if n < 0 {
		return nil, argErr("Pool.Reserve", "n", "%d bytes", n)
	}
	if err := p.lockFor(n); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	p.inUse += n
	p.peak = max(p.peak, p.inUse)
	if p.limit > 0 && p.inUse+p.kept > p.limit {
		p.dropIdle()
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.inUse -= n
		})
	}, nil
}

// OnFull has f called when somebody asks for more than the limit allows: f gives back what it can do without, of what Reserve counted,
// at least so many bytes if it can, and returns when that is done. It is called without the pool's lock, from any goroutine, and must not ask the pool for memory.
// remove ends that.
func (p *Pool) OnFull(f func(bytes int64)) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = append(p.full, &f)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.full = slices.DeleteFunc(p.full, func(g *func(int64)) bool { return g == &f })
	}
}

func (p *Pool) put(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse -= int64(len(b))
	if len(b) <= smallBlock {
		return
	}
	p.idle[len(b)] = append(p.idle[len(b)], b)
	p.kept += int64(len(b))
}

func (p *Pool) dropIdle() {
	clear(p.idle)
	p.kept = 0
}

// Trim lets the garbage collector have all idle blocks.
func (p *Pool) Trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropIdle()
}

// SetLimit changes how many bytes may be in use at once (0 = no limit); blocks already out stay out.
func (p *Pool) SetLimit(limit int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = limit
}

// Stats are the bytes in use now, the most that ever were, and the bytes kept idle.
func (p *Pool) Stats() (inUse, peak, idle int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inUse, p.peak, p.kept
}

// Host is the pool that the host backends (ref and cpu) share.
var Host = NewPool(0)

// NewHostImage allocates an image in the Host pool on behalf of a backend.
// Its pixels are undefined.
func NewHostImage(owner Backend, w, h, c int, f Format) (*Image, error) {
	if err := CheckSize(w, h, c, f); err != nil {
		return nil, err
	}
	b, free, err := Host.Get(ImageBytes(w, h, c, f))
	if err != nil {
		return nil, err
	}
	return NewImageIn(&Memory{Host: b, Owner: owner, Release: free}, w, h, c, f), nil
}

// Scratch is memory for n values out of the Host pool, with undefined contents, and the function that gives it back, which is never nil. Past the limit the
// error wraps ErrHostMemory.
func Scratch[T uint8 | uint16 | Half | float32 | float64](n int) (v []T, free func(), err error) {
	var t T
	b, free, err := Host.Get(int64(n) * int64(unsafe.Sizeof(t)))
	if err != nil {
		return nil, func() {}, err
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), free, nil
}
