// Package parallel divides loops among the processors.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls fn(0) … fn(n−1), as many at once as Go may run, and returns when all have returned. A panic in fn is passed on to the caller's goroutine, where it can be caught;
// what has not begun then is left out.
func Each(n int, fn func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			fn(i)
		}
		return
	}
	var next atomic.Int64
	var failed atomic.Pointer[any]
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					failed.CompareAndSwap(nil, &p)
				}
			}()
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				fn(i)
			}
		})
	}
	wg.Wait()
	if p := failed.Load(); p != nil {
		panic(*p)
	}
}

// Bands is Each over ranges [from, to) of [0, n), step long but for the last one.
func Bands(n, step int, fn func(from, to int)) {
	Each((n+step-1)/step, func(i int) { fn(i*step, min(n, (i+1)*step)) })
}
