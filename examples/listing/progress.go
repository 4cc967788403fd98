package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/realedit/realedit"
)

// progress tells people how far the run is (on standard error: a live bar on a terminal,
// else a line per set) and programs what became of each set (-json, on standard output).
type progress struct {
	mu      sync.Mutex
	out     io.Writer
	err     io.Writer
	live    bool
	quiet   bool
	json    bool
	sets    int
	settles int
	working map[string]float64 // how far each set at work is, 0..1
	stages  map[string]string
	start   time.Time
	drawn   time.Time
	bar     bool // one stands on the terminal's line
}

func newProgress(c *command, o *options) *progress {
	return &progress{out: c.stdout, err: c.stderr, live: c.terminal && !o.quiet, quiet: o.quiet, json: o.json,
		working: map[string]float64{}, stages: map[string]string{}, start: time.Now()}
}

// isTerminal tells whether somebody looks at f.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Mode()&os.ModeDevice != 0 && os.Getenv("TERM") != "dumb" && f.Name() != os.DevNull
}

const barWidth = 24

// draw shows the bar: how much is done, and a text that fits an 80-column line.
func (p *progress) draw(share float64, text string, now bool) {
	if !p.live || !now && time.Since(p.drawn) < 80*time.Millisecond {
		return
	}
	p.drawn, p.bar = time.Now(), true
	full := int(share*barWidth + 0.5)
	if room := 78 - barWidth; utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:room-1]) + "…"
	}
	fmt.Fprintf(p.err, "\r\x1b[K%s%s %s", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), text)
}

func (p *progress) clear() {
	if p.bar {
		fmt.Fprint(p.err, "\r\x1b[K")
		p.bar = false
	}
}

// line prints a line above the bar.
func (p *progress) line(format string, a ...any) {
	if p.quiet {
		return
	}
	p.clear()
	fmt.Fprintf(p.err, format+"\n", a...)
}

// opening is called as files have been read.
func (p *progress) opening(done, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw(float64(done)/float64(max(all, 1)), fmt.Sprintf("reading %d of %d files", done, all), done == all)
	if done == all && !p.live {
		p.line("read %d files in %.1f s", all, time.Since(p.start).Seconds())
	}
}

// stage is the editor's report.
func (p *progress) stage(s realedit.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.working[s.Set] = (float64(s.Index) + s.Fraction) / float64(max(s.Stages, 1)) * 0.9 // writing is the rest
	p.stages[s.Set] = s.Stage
	p.share(s.Set, s.Stage)
}

func (p *progress) share(set, what string) {
	sum := float64(p.settles)
	for _, f := range p.working {
		sum += f
	}
	p.draw(sum/float64(max(p.sets, 1)), fmt.Sprintf("%d of %d  %s  %s", p.settles, p.sets, set, what), false)
}

// settled is called once for each set.
func (p *progress) settled(o *outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settles++
	delete(p.working, o.Name)
	delete(p.stages, o.Name)
	n := fmt.Sprintf("[%*d/%d]", len(fmt.Sprint(p.sets)), p.settles, p.sets)
	photos := fmt.Sprintf("%d photos", len(o.Photos))
	if len(o.Photos) == 1 {
		photos = "1 photo"
	}
	switch {
	case o.Code != "":
		p.line("%s %s: %s, in quarantine: %s", n, o.Name, photos, o.Why)
	case o.Resumed:
		p.line("%s %s: %s, finished before", n, o.Name, photos)
	case o.Reencoded:
		p.line("%s %s: %s, encoded again, %.1f s", n, o.Name, photos, o.Seconds)
	default:
		p.line("%s %s: %s, %s, %s, %.1f s", n, o.Name, photos, o.Class, o.Verdict, o.Seconds)
	}
	if !p.json {
		return nil
	}
	return printJSON(p.out, o)
}

// printJSON writes one line.
func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	if err != nil {
		return &realedit.Error{Code: realedit.CodeWriteFailed, Op: "standard output", Err: err}
	}
	return nil
}

// end says how it went.
func (p *progress) end(s *summary) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := fmt.Sprintf("%d finished", s.Counts.Finished)
	if s.Counts.Resumed > 0 {
		what += fmt.Sprintf(" (%d of them before)", s.Counts.Resumed)
	}
	if s.Counts.Quarantined > 0 {
		what += fmt.Sprintf(", %d in quarantine", s.Counts.Quarantined)
	}
	if s.Counts.Ignored > 0 {
		what += fmt.Sprintf(", %d file(s) ignored", s.Counts.Ignored)
	}
	if s.Counts.Sets == 0 {
		what = "no photographs found"
	}
	p.line("%s in %.1f s: %s", what, s.Times.Seconds, s.Index)
}

// close leaves the terminal's line clean.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}
