package realedit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/internal/offhost"
	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/kerneltest"
)

// tiny is a set of one small photo.
func tiny(t *testing.T, id string) Set {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		m.Set(i%64, i/64, color.RGBA{uint8(4 * (i % 64)), uint8(5 * (i / 64)), 90, 255})
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, nil))
	p, err := Decode(&b, nil)
	require.NoError(t, err)
	p.Name = id + ".JPG"
	return Set{ID: id, Photos: []*Photo{p}}
}

// far is a double of a device that its own processor works for.
func far(t *testing.T, name string) *offhost.Backend {
	t.Helper()
	return offhost.New(kerneltest.Host(t), name, 1<<30)
}

func editor(t *testing.T, c Config) *Editor {
	t.Helper()
	e, err := New(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// doing is a stage made of a function; before it the photo is the picture.
type doing struct {
	do func(ctx context.Context, env *Env, w *Work) error
}

func (doing) Name() string  { return "doing" }
func (doing) Recorded() any { return nil }
func (d doing) Apply(ctx context.Context, env *Env, w *Work) error {
	if err := (asShot{}).Apply(ctx, env, w); err != nil {
		return err
	}
	if d.do == nil {
		return nil
	}
	return d.do(ctx, env, w)
}

// checks are a report's findings about backends.
func checks(r *Result) []string {
	var c []string
	for _, f := range r.Report.Findings {
		c = append(c, f.Check)
	}
	return c
}

// by is the backend that did the picture.
func by(r *Result) string { return r.Report.Stages[len(r.Report.Stages)-1].Backend }

func devices(b ...*offhost.Backend) []kernels.Backend {
	var all []kernels.Backend
	for _, d := range b {
		all = append(all, d)
	}
	return all
}

// Sets go to the backend with the fewest at work, as many at once as there are backends, and come back in order.
func TestSetsAreSpread(t *testing.T) {
	e := editor(t, Config{Backends: devices(far(t, "far:0"), far(t, "far:1"))})
	var mu sync.Mutex
	at, most, begun := map[string]int{}, 0, 0
	both := make(chan bool)
	stage := doing{func(ctx context.Context, env *Env, w *Work) error {
		mu.Lock()
		at[env.Backend.Name()]++
		most = max(most, at["far:0"]+at["far:1"])
		doubled := at[env.Backend.Name()] > 1
		if begun++; begun == 2 {
			close(both)
		}
		mu.Unlock()
		select { // the first two meet
		case <-both:
		case <-time.After(5 * time.Second):
			return errors.New("nobody else came")
		}
		mu.Lock()
		at[env.Backend.Name()]--
		mu.Unlock()
		if doubled {
			return errors.New("two at one backend while the other one is free")
		}
		return nil
	}}
	var want, got []string
	used := map[string]int{}
	for i := range 8 {
		want = append(want, fmt.Sprint("set", i))
	}
	for r, err := range e.ProcessAll(context.Background(), stage, func(yield func(Set) bool) {
		for _, id := range want {
			if !yield(tiny(t, id)) {
				return
			}
		}
	}) {
		require.NoError(t, err)
		got = append(got, r.Set.ID)
		used[by(r)]++
		require.Equal(t, "double", r.Report.Stages[0].Device)
		r.Free()
	}
	require.Equal(t, want, got)
	require.Equal(t, 2, most)
	require.Len(t, used, 2)
}

// One set after another goes to the first backend.
func TestFirstOfEquals(t *testing.T) {
	e := editor(t, Config{Backends: devices(far(t, "far:0"), far(t, "far:1"))})
	for range 3 {
		r, err := e.Process(context.Background(), doing{}, tiny(t, "a"))
		require.NoError(t, err)
		require.Equal(t, "far:0", by(r))
		require.Empty(t, checks(r))
		r.Free()
	}
}

// Out of memory: another device, then the processor, which nobody had to configure; the device stays in service.
func TestOutOfMemoryIsHandedOn(t *testing.T) {
	want, err := editor(t, Config{Backends: []kernels.Backend{kerneltest.Host(t)}}).Process(context.Background(), doing{}, tiny(t, "a"))
	require.NoError(t, err)
	a, b := far(t, "far:0"), far(t, "far:1")
	e := editor(t, Config{Backends: devices(a, b)})
	a.FailAt(2, kernels.ErrOutOfMemory)
	r, err := e.Process(context.Background(), doing{}, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, "far:1", by(r))
	require.Equal(t, []string{"backend_out_of_memory"}, checks(r))
	require.Equal(t, Info, r.Report.Findings[0].Severity)
	require.Regexp(t, `^far:0 in doing ran out of memory`, r.Report.Findings[0].Message)
	r.Free()
	r, err = e.Process(context.Background(), doing{}, tiny(t, "b"))
	require.NoError(t, err)
	require.Equal(t, "far:0", by(r))
	r.Free()

	a.FailAt(2, kernels.ErrOutOfMemory)
	b.FailAt(2, kernels.ErrOutOfMemory)
	r, err = e.Process(context.Background(), doing{}, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, want.Report.Stages[0].Backend, by(r))
	require.Equal(t, []string{"backend_out_of_memory", "backend_out_of_memory"}, checks(r))
	require.True(t, r.Image.OnHost())
	for y := range 48 {
		require.Equal(t, want.Image.Row(y), r.Image.Row(y))
	}
	r.Free()
	for _, d := range []*offhost.Backend{a, b} {
		used, _ := d.Memory()
		require.Zero(t, used, "%s: something was not freed", d.Name())
	}
}

// thrifty is a stage that takes less memory when asked to.
type thrifty struct{ doing }

func (s thrifty) Frugal() Stage { return doing{} }

func TestFrugalStagesFirst(t *testing.T) {
	a, b := far(t, "far:0"), far(t, "far:1")
	e := editor(t, Config{Backends: devices(a, b)})
	greedy := thrifty{doing{func(context.Context, *Env, *Work) error { return kernels.ErrOutOfMemory }}}
	r, err := e.Process(context.Background(), greedy, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, "far:0", by(r))
	require.Equal(t, []string{"backend_out_of_memory"}, checks(r))
	r.Free()

	// Where that is not enough either the set moves on, in full again.
	a.Fault(func(_ int, op string) error {
		if op == "Copy" {
			return kernels.ErrOutOfMemory
		}
		return nil
	})
	r, err = e.Process(context.Background(), thrifty{}, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, "far:1", by(r))
	require.Equal(t, []string{"backend_out_of_memory", "backend_out_of_memory"}, checks(r))
	r.Free()
}

// Two sets at one device: the one that memory did not suffice for waits until it is alone there.
func TestAgainAlone(t *testing.T) {
	a := far(t, "far:0")
	e := editor(t, Config{Backends: devices(a), Concurrency: 2})
	inside, leave := make(chan bool), make(chan bool)
	other := make(chan error)
	go func() {
		r, err := e.Process(context.Background(), doing{func(context.Context, *Env, *Work) error {
			inside <- true
			<-leave
			return nil
		}}, tiny(t, "long"))
		r.Free()
		other <- err
	}()
	<-inside
	tries := 0
	r, err := e.Process(context.Background(), doing{func(context.Context, *Env, *Work) error {
		if tries++; tries == 1 {
			time.AfterFunc(20*time.Millisecond, func() { close(leave) })
			return kernels.ErrOutOfMemory
		}
		select {
		case <-leave:
			return nil
		default:
			return errors.New("not alone")
		}
	}}, tiny(t, "b"))
	require.NoError(t, err)
	require.NoError(t, <-other)
	require.Equal(t, "far:0", by(r))
	require.Equal(t, []string{"backend_out_of_memory"}, checks(r))
	r.Free()
}

// The host's own memory is no better elsewhere.
func TestHostMemoryIsNotHandedOn(t *testing.T) {
	a, b := far(t, "far:0"), far(t, "far:1")
	e := editor(t, Config{Backends: devices(a, b)})
	b.Fault(nil)
	_, err := e.Process(context.Background(), doing{func(context.Context, *Env, *Work) error { return fmt.Errorf("mine: %w", kernels.ErrHostMemory) }}, tiny(t, "a"))
	require.Equal(t, CodeOutOfMemory, CodeOf(err))
	require.Zero(t, b.Calls())
}

// A device that fails gets no more sets; with none left the processor does them, and the report says so.
func TestLostDevice(t *testing.T) {
	a, b := far(t, "far:0"), far(t, "far:1")
	e := editor(t, Config{Backends: devices(a, b)})
	a.FailAt(3, kernels.ErrDeviceLost)
	r, err := e.Process(context.Background(), doing{}, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, "far:1", by(r))
	require.Equal(t, []string{"backend_lost"}, checks(r))
	require.Equal(t, Warning, r.Report.Findings[0].Severity)
	r.Free()
	a.Fault(nil)
	calls := a.Calls()
	r, err = e.Process(context.Background(), doing{}, tiny(t, "b"))
	require.NoError(t, err)
	require.Equal(t, "far:1", by(r))
	require.Empty(t, checks(r))
	require.Equal(t, calls, a.Calls(), "out of service")
	r.Free()

	b.FailAt(1, kernels.ErrDeviceLost)
	for _, id := range []string{"c", "d"} {
		r, err = e.Process(context.Background(), doing{}, tiny(t, id))
		require.NoError(t, err)
		require.NotContains(t, by(r), "far")
		require.Equal(t, []string{"backend_lost"}, checks(r), id)
		var file bytes.Buffer
		require.NoError(t, r.Encode(&file, nil))
		require.NotContains(t, file.String(), "backend_lost", "the file tells about the picture only")
		r.Free()
	}

	// Another Editor of the same process has its own opinion.
	c := far(t, "far:2")
	r, err = editor(t, Config{Backends: devices(c)}).Process(context.Background(), doing{}, tiny(t, "e"))
	require.NoError(t, err)
	require.Equal(t, "far:2", by(r))
	r.Free()
}

// A device that is lost already is no backend to begin with.
func TestNewWithALostDevice(t *testing.T) {
	a := far(t, "far:0")
	a.FailAt(1, kernels.ErrDeviceLost)
	_, err := New(Config{Backends: devices(a)})
	require.Equal(t, CodeDeviceLost, CodeOf(err))
}

// sized is a stage that says what it takes.
type sized struct {
	doing
	device int64
}

func (s sized) Bytes(w, h int) (host, device int64) { return 0, s.device * int64(w) * int64(h) }

// What a device has not room for is not tried there.
func TestTooLargeForADevice(t *testing.T) {
	small, large := far(t, "far:0"), offhost.New(far(t, "x"), "far:1", 1<<40)
	e := editor(t, Config{Backends: devices(small, large)})
	small.Fault(nil)
	r, err := e.Process(context.Background(), sized{device: 1 << 20}, tiny(t, "a"))
	require.NoError(t, err)
	require.Equal(t, "far:1", by(r))
	require.Equal(t, []string{"backend_too_small"}, checks(r))
	f := r.Report.Findings[0]
	require.Equal(t, float64(64*48<<20)*9/8, f.Value)
	require.Equal(t, float64(1<<30), f.Limit)
	require.Zero(t, small.Calls())
	r.Free()

	e = editor(t, Config{Backends: devices(small, large), Budget: kernels.Budget{Device: 1 << 20}})
	require.Equal(t, int64(1<<20), small.Limit())
	require.Equal(t, int64(1<<20), large.Limit())
	r, err = e.Process(context.Background(), sized{device: 1 << 10}, tiny(t, "a"))
	require.NoError(t, err)
	require.True(t, r.Image.OnHost())
	require.Equal(t, []string{"backend_too_small", "backend_too_small"}, checks(r))
	r.Free()
}

// A second set waits where both together are too large for the device, and its context ends the wait.
func TestRoomIsWaitedFor(t *testing.T) {
	e := editor(t, Config{Backends: devices(far(t, "far:0")), Concurrency: 2})
	half := sized{device: (1 << 30) / (64 * 48) / 2}
	inside, leave, done := make(chan bool), make(chan bool), make(chan bool)
	long := half
	long.do = func(context.Context, *Env, *Work) error { inside <- true; <-leave; return nil }
	go func() {
		r, err := e.Process(context.Background(), long, tiny(t, "long"))
		require.NoError(t, err)
		r.Free()
		close(done)
	}()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := e.Process(ctx, half, tiny(t, "b"))
	require.Equal(t, CodeCancelled, CodeOf(err))
	close(leave)
	<-done
	r, err := e.Process(context.Background(), half, tiny(t, "b"))
	require.NoError(t, err)
	r.Free()
}

// A set that is cancelled or wrong in itself fails where it is.
func TestNotHandedOn(t *testing.T) {
	a, b := far(t, "far:0"), far(t, "far:1")
	e := editor(t, Config{Backends: devices(a, b)})
	b.Fault(nil)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := e.Process(ctx, doing{func(context.Context, *Env, *Work) error { cancel(); return kernels.ErrDeviceLost }}, tiny(t, "a"))
	require.Error(t, err)
	_, err = e.Process(context.Background(), doing{func(context.Context, *Env, *Work) error { panic("mine") }}, tiny(t, "a"))
	require.Equal(t, CodeInternal, CodeOf(err))
	require.Zero(t, b.Calls())
	used, _ := a.Memory()
	require.Zero(t, used)
}

// A file of 8 bits takes one copy of the picture off the device, of 8 bits; where the device cannot convert it, one of 16.
func TestExportOffTheHost(t *testing.T) {
	a := far(t, "far:0")
	e := editor(t, Config{Backends: devices(a)})
	deep := doing{func(ctx context.Context, env *Env, w *Work) error {
		m, err := env.NewImage(w.Image.Width(), w.Image.Height(), 3, kernels.U16)
		if err != nil {
			return err
		}
		defer w.SetImage(m)
		return env.Ops.Convert(m, w.Image)
	}}
	r, err := e.Process(context.Background(), deep, tiny(t, "a"))
	require.NoError(t, err)
	defer r.Free()
	a.Forget()
	var one, two bytes.Buffer
	require.NoError(t, r.Encode(&one, nil))
	require.Equal(t, []offhost.Transfer{{Up: false, Op: "Copy", W: 64, H: 48}}, a.Transfers())
	a.FailAt(1, kernels.ErrOutOfMemory)
	require.NoError(t, r.Encode(&two, nil))
	require.Len(t, a.Transfers(), 2)
	require.Equal(t, one.Bytes(), two.Bytes())
	require.NoError(t, r.Encode(io.Discard, &ExportOptions{Format: TIFF}))
	a.FailAt(1, kernels.ErrDeviceLost)
	require.Equal(t, CodeDeviceLost, CodeOf(r.Encode(io.Discard, nil)))
}

// framed makes a frame of the photo and the picture of the frame, as a merge of one photo does.
type framed struct{}

func (framed) Name() string { return "framed" }
func (framed) Apply(ctx context.Context, env *Env, w *Work) error {
	m, err := w.Set.Ref().Pixels(ctx, env.Backend)
	if err != nil {
		return err
	}
	w.Frames = []Frame{{Photo: w.Set.Ref(), Image: m}}
	w.SetImage(m)
	return nil
}

// A picture that is a frame outlives the frames, and no longer than the result.
func TestPictureOfAFrame(t *testing.T) {
	a := far(t, "far:0")
	r, err := editor(t, Config{Backends: devices(a)}).Process(context.Background(), framed{}, tiny(t, "a"))
	require.NoError(t, err)
	require.NoError(t, r.Encode(io.Discard, nil))
	used, _ := a.Memory()
	require.Equal(t, r.Image.Bytes(), used)
	r.Free()
	used, _ = a.Memory()
	require.Zero(t, used)
}
