package ort

import (
	"context"
	"runtime"
	"sync"
)

// worker is the one operating-system thread that talks to a GPU. The CUDA provider keeps a context of cuBLAS and cuDNN for each thread that
// it sees, and goroutines that wander would multiply them; a session has one stream, so that threads side by side would gain nothing.
type worker struct{ jobs chan func() }

var workers struct {
	sync.Mutex
	of map[int]*worker
}

// workerOf is the worker of a GPU. It lasts as long as the process.
func workerOf(device int) *worker {
	workers.Lock()
	defer workers.Unlock()
	w := workers.of[device]
	if w == nil {
		w = &worker{make(chan func())}
		if workers.of == nil {
			workers.of = map[int]*worker{}
		}
		workers.of[device] = w
		go func() {
			runtime.LockOSThread()
			for job := range w.jobs {
				job()
			}
		}()
	}
	return w
}

// do runs f on the worker's thread. A context that ends before f has begun ends the wait; once begun, f is waited for.
func (w *worker) do(ctx context.Context, f func() error) (err error) {
	done := make(chan struct{})
	select {
	case w.jobs <- func() { defer close(done); err = f() }:
		<-done
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// at runs f where sessions of a place are made and destroyed: on its GPU's thread, or here.
func at(place int, f func()) {
	if place == onHost {
		f()
		return
	}
	workerOf(place).do(context.Background(), func() error { f(); return nil })
}
