package ort

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A GPU's jobs run one after the other on one thread; who gives up before his has begun is let go, and it is not run.
func TestWorker(t *testing.T) {
	const device = 1000 // that no machine has
	var wg sync.WaitGroup
	threads := map[int]int{} // written by one at a time, which the race detector holds the worker to
	running := 0
	for range 50 {
		wg.Go(func() {
			err := workerOf(device).do(context.Background(), func() error {
				running++
				threads[threadID()]++
				if running != 1 {
					return errors.New("two at once")
				}
				time.Sleep(100 * time.Microsecond)
				running--
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, threads, 1)

	begun, end := make(chan struct{}), make(chan struct{})
	go at(device, func() { close(begun); <-end })
	<-begun
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	require.ErrorIs(t, workerOf(device).do(ctx, func() error { t.Error("it was run"); return nil }), why)
	close(end)
	failed := errors.New("failed")
	require.ErrorIs(t, workerOf(device).do(context.Background(), func() error { return failed }), failed)
}
