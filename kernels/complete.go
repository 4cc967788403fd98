package kernels

import (
	"context"
	"reflect"
	"sync"
)

// opNames are the fields of Ops, in order.
var opNames = func() []string {
	t := reflect.TypeFor[Ops]()
	n := make([]string, t.NumField())
	for i := range n {
		n[i] = t.Field(i).Name
	}
	return n
}()

// OpNames lists the operations by name, in the order of Ops.
func OpNames() []string { return append([]string(nil), opNames...) }

// Has tells whether the table has the named operation.
func (o *Ops) Has(name string) bool {
	f := reflect.ValueOf(o).Elem().FieldByName(name)
	return f.IsValid() && !f.IsNil()
}

// Fallbacks counts the calls of operations that a backend lacked and the reference
// did instead. Safe for concurrent use; the zero value works.
type Fallbacks struct {
	mu sync.Mutex
	n  map[string]int
}

func (f *Fallbacks) add(op string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == nil {
		f.n = map[string]int{}
	}
	f.n[op]++
}

// Counts returns the number of fallback calls by operation so far; of nil none.
func (f *Fallbacks) Counts() map[string]int {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(map[string]int, len(f.n))
	for k, v := range f.n {
		c[k] = v
	}
	return c
}

// Complete returns the backend's operations with the reference in place of the missing ones; count (may be
// nil) hears of every call that fell back. Where the backend's images do not lie on the host, such a call fetches
// its images, works there and brings back what it wrote: slow, but right.
func Complete(b Backend, count *Fallbacks) *Ops {
	registryMu.Lock()
	ref := reference
	registryMu.Unlock()
	o := *b.Ops()
	if ref == nil {
		return &o
	}
	have, want := reflect.ValueOf(&o).Elem(), reflect.ValueOf(ref).Elem()
	for i, name := range opNames {
		f, r := have.Field(i), want.Field(i)
		if !f.IsNil() || r.IsNil() {
			continue
		}
		stand := Staging{Place: fetched(b)}.wrap(name, f.Type(), r)
		f.Set(reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
			if count != nil {
				count.add(name)
			}
			return stand.Call(args)
		}))
	}
	return &o
}

// fetched places b's images on the host.
func fetched(b Backend) func(string, *Image, bool, bool) (*Image, func(error) error, error) {
	return func(_ string, m *Image, read, written bool) (*Image, func(error) error, error) {
		if m.OnHost() {
			return m, nil, nil
		}
		host, err := NewHostImage(nil, m.w, m.h, m.c, m.f)
		if err != nil {
			return nil, nil, err
		}
		if read {
			if err := b.Copy(context.Background(), host, m); err != nil {
				host.Free()
				return nil, nil, err
			}
		}
		return host, func(err error) error {
			defer host.Free()
			if err != nil || !written {
				return nil
			}
			return b.Copy(context.Background(), m, host)
		}, nil
	}
}
