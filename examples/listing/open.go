package main

import (
	"context"
	"path"
	"strings"
	"sync"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/kernels"
)

// opened are a listing's photos and the files that are none.
type opened struct {
	photos  []*realedit.Photo
	broken  []*input // photographs that cannot be read: each is a set of its own, for quarantine
	ignored []ignored
}

// open reads every file once for its facts, several at a time as memory allows. The last
// files come first, so that the cache, which drops what has lain longest, ends
// with the photos that are edited first.
func (b *batch) open(ctx context.Context, lists []*listing) ([]opened, error) {
	type task struct {
		list, at int
		photo    *realedit.Photo
	}
	var tasks []*task
	for k := len(lists) - 1; k >= 0; k-- {
		for i := len(lists[k].files) - 1; i >= 0; i-- {
			tasks = append(tasks, &task{list: k, at: i})
		}
	}
	space := newGate(b.pixels - b.cacheBytes)
	opts := &realedit.DecodeOptions{Cache: b.cache}
	if b.kept != nil && b.kept.limit > 0 {
		opts.Facts = b.kept
	}
	if !b.device { // its threads, then
		opts.Backend = b.backends[0]
	}
	one := func(t *task) {
		in := lists[t.list].files[t.at]
		t.photo, in.err = realedit.Open(in.path, opts)
	}
	var wg sync.WaitGroup
	var again []*task // for want of memory
	var mu sync.Mutex
	slots := make(chan struct{}, b.o.jobs)
	done := 0
	for _, t := range tasks {
		need, _ := estimate(lists[t.list].files[t.at].path)
		slots <- struct{}{}
		leave, err := space.enter(ctx, need)
		if err != nil {
			<-slots
			break
		}
		wg.Go(func() {
			one(t)
			leave()
			<-slots
			mu.Lock()
			defer mu.Unlock()
			if realedit.CodeOf(lists[t.list].files[t.at].err) == realedit.CodeOutOfMemory {
				again = append(again, t)
			}
			done++
			b.show.opening(done, len(tasks))
		})
	}
	wg.Wait()
	for _, t := range again {
		if ctx.Err() == nil {
			b.cache.Clear()
			kernels.Host.Trim()
			one(t)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	found := make([]opened, len(lists))
	for i := len(tasks) - 1; i >= 0; i-- {
		t := tasks[i]
		f := &found[t.list]
		if t.photo != nil {
			f.photos = append(f.photos, t.photo)
			b.names[t.photo] = lists[t.list].files[t.at]
		}
	}
	for k, l := range lists {
		found[k].sort(l)
	}
	return found, nil
}

// sort tells photographs that cannot be read from files that are none.
func (f *opened) sort(l *listing) {
	read := map[string]bool{} // stems of the photos that can be used
	stem := func(in *input) string { return strings.ToLower(strings.TrimSuffix(in.rel, path.Ext(in.rel))) }
	for _, in := range l.files {
		if in.err == nil {
			read[stem(in)] = true
		}
	}
	for _, in := range l.files {
		code := realedit.CodeOf(in.err)
		switch {
		case in.err == nil:
		case code == realedit.CodeUnsupportedFormat && read[stem(in)]:
			f.skip(l, in, "the same exposure in a format that can be read is used: "+message(in.err))
		case (code == realedit.CodeNotPhoto || code == realedit.CodeEmptyFile) && !looksLikePhoto(in.rel):
			f.skip(l, in, "no photograph")
		default:
			f.broken = append(f.broken, in)
		}
	}
}

func (f *opened) skip(l *listing, in *input, reason string) {
	f.ignored = append(f.ignored, ignored{l.show(in), realedit.CodeOf(in.err), reason})
}

// show is a file's path for people.
func (l *listing) show(in *input) string {
	if l.root == "" {
		return in.rel
	}
	return path.Join(l.name, in.rel)
}
