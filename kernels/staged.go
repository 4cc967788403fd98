package kernels

import (
	"reflect"
	"slices"
)

// Staging is what stands between the caller of an operation and a backend whose images must lie elsewhere.
type Staging struct {
	// Begin is called before anything else of an operation; may be nil.
	Begin func(op string) error
	// Place finds a stand-in for an image: m itself, or one of equal shape elsewhere. read tells that the
	// stand-in must hold m's pixels, written that the operation writes it; done (may be nil) is called
	// after the operation, with its error, and takes the pixels back.
	Place func(op string, m *Image, read, written bool) (stand *Image, done func(error) error, err error)
}

// Staged is o behind a staging. An image that is passed twice, or in place, is placed once.
func Staged(o *Ops, by Staging) *Ops {
	s := *o
	table := reflect.ValueOf(&s).Elem()
	for i, name := range opNames {
		if f := table.Field(i); !f.IsNil() {
			f.Set(by.wrap(name, f.Type(), reflect.ValueOf(f.Interface())))
		}
	}
	return &s
}

// writes are the arguments that operations write; the first where none are named.
var writes = map[string][]int{"Warp": {0, 1}, "SSIM": {2}, "DeltaE": {2}, "Histogram": {}}

func (by Staging) wrap(name string, t reflect.Type, f reflect.Value) reflect.Value {
	outs, named := writes[name]
	if !named {
		outs = []int{0}
	}
	return reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		c := call{op: name, by: by}
		for i, a := range args {
			c.collect(a, slices.Contains(outs, i))
		}
		err := c.begin()
		var out []reflect.Value
		if err == nil {
			in := make([]reflect.Value, len(args))
			for i, a := range args {
				in[i] = visit(a, func(m *Image) *Image { return c.find(m).stand })
			}
			out = f.Call(in)
			err, _ = out[len(out)-1].Interface().(error)
		} else {
			for i := range t.NumOut() {
				out = append(out, reflect.Zero(t.Out(i)))
			}
		}
		if err = c.end(err); err != nil {
			out[len(out)-1] = reflect.ValueOf(&err).Elem()
		}
		return out
	})
}

// call is one call's images and their stand-ins.
type call struct {
	op  string
	by  Staging
	all []*placed
}

type placed struct {
	image, stand  *Image
	read, written bool
	done          func(error) error
}

func (c *call) find(m *Image) *placed {
	for _, p := range c.all {
		if p.image.Same(m) {
			return p
		}
	}
	return nil
}

func (c *call) collect(a reflect.Value, written bool) {
	visit(a, func(m *Image) *Image {
		p := c.find(m)
		if p == nil {
			p = &placed{image: m}
			c.all = append(c.all, p)
		}
		p.read, p.written = p.read || !written, p.written || written
		return m
	})
}

func (c *call) begin() (err error) {
	if c.by.Begin != nil {
		if err := c.by.Begin(c.op); err != nil {
			return err
		}
	}
	for _, p := range c.all {
		if p.stand, p.done, err = c.by.Place(c.op, p.image, p.read, p.written); err != nil {
			return err
		}
	}
	return nil
}

// end calls every done, with the first error so far, which it returns.
func (c *call) end(err error) error {
	for _, p := range c.all {
		if p.done != nil {
			if e := p.done(err); err == nil {
				err = e
			}
		}
	}
	return err
}

// visit calls fn for the images in an argument and returns the argument with what fn answers in their places.
func visit(a reflect.Value, fn func(*Image) *Image) reflect.Value {
	some := func(m *Image) *Image {
		if m == nil {
			return nil
		}
		return fn(m)
	}
	switch v := a.Interface().(type) {
	case *Image:
		return reflect.ValueOf(some(v))
	case []*Image:
		if v == nil {
			return a
		}
		c := make([]*Image, len(v))
		for i, m := range v {
			c[i] = some(m)
		}
		return reflect.ValueOf(c)
	case []Tile:
		c := make([]Tile, len(v))
		for i, t := range v {
			c[i] = Tile{some(t.Image), t.At}
		}
		return reflect.ValueOf(c)
	case *FuseOptions:
		if v == nil {
			return a
		}
		c := *v
		c.Valid = visit(reflect.ValueOf(v.Valid), fn).Interface().([]*Image)
		return reflect.ValueOf(&c)
	case *LocalToneParams:
		if v == nil {
			return a
		}
		c := *v
		c.Base, c.Gain, c.Tint = some(v.Base), some(v.Gain), some(v.Tint)
		return reflect.ValueOf(&c)
	}
	return a
}
