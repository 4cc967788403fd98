package kernels

import "context"

// Backend is a place where pixels live and are worked on.
//
// Operations of one backend may be called from several goroutines at once.
// Close frees what the backend holds; its images must not be used afterwards.
type Backend interface {
	// Name is "ref", "cpu" or "cuda:0": what Open takes.
	Name() string
	// Caps describes the device and its memory.
	Caps() Caps
	// NewImage allocates w×h pixels of 1 to 4 channels with undefined contents.
	NewImage(w, h, channels int, f Format) (*Image, error)
	// Copy copies pixels between images of equal shape and format; either may lie
	// on the host or in this backend's memory.
	Copy(ctx context.Context, dst, src *Image) error
	// Ops is the table of operations; a nil field is not here. Use Complete for a table without gaps.
	// A backend whose images do not lie on the host takes host images beside its own, at the cost of a transfer.
	Ops() *Ops
	// Sync waits until everything asked for has been done.
	Sync(ctx context.Context) error
	// Close releases the backend.
	Close() error
}

// Caps are the facts about a backend's device.
type Caps struct {
	Device  string // the device's own name
	Threads int    // worker threads, for processors
	Free    int64  // bytes that may be taken now, within the limit where there is one
	Total   int64  // bytes in all
	Used    int64  // bytes that images and temporaries of operations take now
	Peak    int64  // the most that they took at once so far
}

// Budget is how many bytes may be in use at once; 0 = ask the backend.
type Budget struct {
	Host   int64 // host memory for pixels
	Device int64 // device memory
}

// Limiter is optional: a backend whose memory can be bounded. SetLimit lets at most so many bytes be in
// use at once, temporaries of its operations included (0 = no limit); what would take more is
// ErrOutOfMemory, and memory already out stays out. Open sets nine tenths of what is free then.
type Limiter interface{ SetLimit(bytes int64) }
