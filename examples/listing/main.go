// Listing turns folders of photographs and exposure brackets into finished pictures.
//
//	listing [flags] FOLDER|FILE...
//
// It is the library's main job as a command, and an example of how to embed it:
// open.go reads photos, plan.go groups and names them, edit.go runs a set through a
// pipeline, and output.go writes what comes out so that nothing is ever half-written,
// overwritten or lost. docs/listing.md describes flags, files and exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/realedit/realedit"
	"github.com/realedit/realedit/pipeline"
)

// The exit codes.
const (
	exitDone        = 0 // every set was finished
	exitFailed      = 1 // the run could not go on; the code is printed
	exitUsage       = 2
	exitQuarantined = 3 // the run went through, some sets are in quarantine
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	c := &command{stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr)}
	os.Exit(c.run(ctx, os.Args[1:]))
}

// command is one call of the command. Its fields are what tests replace.
type command struct {
	stdout, stderr io.Writer
	terminal       bool // stderr is one: a live bar instead of lines

	// compose changes the route's pipeline, as a host with stages of its own would; nil = as it is.
	compose func(*pipeline.Pipeline) (*pipeline.Pipeline, error)
	// fault stands between the command and the disk; nil = nothing does.
	fault func(path string, w io.Writer) io.Writer
}

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func badUsage(op, format string, a ...any) error {
	return usageError{realedit.Errorf(realedit.CodeBadOption, op, format, a...)}
}

// run does everything and returns the exit code.
func (c *command) run(ctx context.Context, args []string) int {
	if len(args) > 0 {
		if sub := subcommand(args[0]); sub != nil {
			return sub(c, ctx, args[1:])
		}
	}
	o, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(c.stdout, usage())
		return exitDone
	}
	var quarantined int
	if err == nil {
		quarantined, err = c.batch(ctx, o)
	}
	if err != nil && ctx.Err() != nil {
		err = &realedit.Error{Code: realedit.CodeCancelled, Err: errors.New("stopped; the next run goes on from here")}
	}
	var wrong usageError
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintf(c.stderr, "listing: %s\nlisting -help lists the flags\n", message(err))
		return exitUsage
	case err != nil:
		fmt.Fprintf(c.stderr, "listing: %s\n", message(err))
		return exitFailed
	case quarantined > 0:
		return exitQuarantined
	}
	return exitDone
}

// message is an error for people: its code first.
func message(err error) string {
	var e *realedit.Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("%s: %v", realedit.CodeOf(err), err)
	}
	s := string(e.Code)
	for _, part := range []string{e.Set, e.Stage, e.Op} {
		if part != "" {
			s += ": " + part
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}
