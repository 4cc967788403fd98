package scene

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"sync"
)

// What the rays of a solution meet depends on the solids and the seed alone: houses under other skies and rooms in other paint and light share it.
var shared struct {
	sync.Mutex
	keys []uint64 // the last one used is the last
	hits map[uint64][]int32
}

// mostShared is how many solutions' rays are kept: 32 MB each.
const mostShared = 4

// hitsOf is what n rays meet where a world of the same solids was solved before, and is not written to; else memory for it, and keep, which lets others have it.
func (w *world) hitsOf(n int) (hits []int32, keep func()) {
	k := w.solids()
	shared.Lock()
	defer shared.Unlock()
	if h := shared.hits[k]; len(h) == n && n > 0 {
		i := slices.Index(shared.keys, k)
		shared.keys = append(slices.Delete(shared.keys, i, i+1), k)
		return h, nil
	}
	hits = make([]int32, n)
	return hits, func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.hits == nil {
			shared.hits = map[uint64][]int32{}
		}
		if shared.hits[k] == nil {
			shared.keys = append(shared.keys, k)
		}
		shared.hits[k] = hits
		if len(shared.keys) > mostShared {
			delete(shared.hits, shared.keys[0])
			shared.keys = slices.Delete(shared.keys, 0, 1)
		}
	}
}

// solids is a hash of all that decides where rays begin and end. What cuts a sheet is a function of lengths that are in it.
func (w *world) solids() uint64 {
	h := fnv.New64a()
	put := func(v ...float64) {
		for _, x := range v {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(x))
			h.Write(b[:])
		}
	}
	flag := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	put(float64(w.seed), w.texel)
	for _, p := range w.prims {
		put(float64(p.kind), p.cs, p.sn, p.r0, p.r1, p.lu, p.lv, flag(p.both), flag(p.lit), flag(p.clip != nil))
		for _, v := range []vec{p.c, p.h, p.b, p.u, p.v, p.n} {
			put(v.X, v.Y, v.Z)
		}
		for _, m := range p.mat {
			put(flag(m != nil))
		}
	}
	return h.Sum64()
}
