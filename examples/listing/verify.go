package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/realedit/realedit"
)

// exitUntrue is verify's: a picture is not what its report says.
const exitUntrue = 4

const verifyUsage = "usage: listing verify [-inputs DIR] [-json] FILE|REPORT...\n\n" +
	"Holds finished pictures against their reports, alteration maps and unaltered siblings. A line for each thing that is not true.\n\n"

// verdict is a line of -json.
type verdict struct {
	*realedit.Verification
	True    bool          `json:"true"`
	Checked bool          `json:"checked"`
	Code    realedit.Code `json:"code,omitempty"` // why it could not be
	Why     string        `json:"why,omitempty"`
}

// verify is the subcommand. Its exit code is 4 when anything is not true, else 1 when something could not be checked.
func verify(c *command, ctx context.Context, args []string) int {
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	inputs := f.String("inputs", "", "folder of the photos, looked for by name in it and below; without it they are not checked")
	asJSON := f.Bool("json", false, "print one line of JSON per file on standard output")
	files, err := mixed(f, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, verifyUsage)
		f.SetOutput(c.stdout)
		f.PrintDefaults()
		fmt.Fprint(c.stdout, "\nexit status: 0 all true, 4 something is not, 1 something could not be checked, 2 wrong usage\n")
		return exitDone
	}
	var o realedit.VerifyOptions
	if err == nil {
		o.Inputs, err = verifiable(files, *inputs)
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "listing: %s\nlisting verify -help lists the flags\n", message(err))
		return exitUsage
	}
	untrue, failed := false, false
	out := json.NewEncoder(c.stdout)
	for _, name := range files {
		v, err := realedit.VerifyFile(ctx, name, &o)
		line := verdict{Verification: v}
		if err != nil {
			failed = true
			line.Verification = &realedit.Verification{File: name, Problems: []realedit.Problem{}}
			line.Code, line.Why = realedit.CodeOf(err), err.Error()
			fmt.Fprintf(c.stderr, "listing: %s: %s\n", name, message(err))
		} else {
			line.Checked, line.True = true, v.True()
			untrue = untrue || !v.True()
		}
		if *asJSON {
			err = out.Encode(line)
		} else if err == nil {
			err = tell(c.stdout, v)
		} else {
			err = nil
		}
		if err != nil {
			fmt.Fprintf(c.stderr, "listing: %s: %v\n", realedit.CodeWriteFailed, err)
			return exitFailed
		}
		if ctx.Err() != nil {
			return exitFailed
		}
	}
	switch {
	case untrue:
		return exitUntrue
	case failed:
		return exitFailed
	}
	return exitDone
}

// tell prints a line per problem, with the file where it lies.
func tell(w io.Writer, v *realedit.Verification) error {
	for _, p := range v.Problems {
		p.File = filepath.Join(filepath.Dir(v.Report), p.File)
		line := strings.Map(func(r rune) rune { // one line, whatever a report or a decoder says
			if !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, p.String())
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// mixed parses flags that may stand between the other arguments; after "--" there are none.
func mixed(f *flag.FlagSet, args []string) (others []string, err error) {
	for len(args) > 0 {
		n := len(args)
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, badUsage("flags", "%v", err)
		}
		if rest := f.Args(); len(rest) < n && args[n-len(rest)-1] == "--" {
			return append(others, rest...), nil
		}
		if f.NArg() == 0 {
			break
		}
		others, args = append(others, f.Arg(0)), f.Args()[1:]
	}
	return others, nil
}

// verifiable refuses what is no use of the command: no files, files that are not there.
func verifiable(files []string, inputs string) (photos fs.FS, err error) {
	if len(files) == 0 {
		return nil, badUsage("verify", "no file to check")
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err == nil && info.IsDir() {
			err = badUsage("verify", "%s is a folder; name its pictures or reports", name)
		} else if err != nil {
			err = usageError{&realedit.Error{Code: realedit.CodeUnreadable, Op: "verify", Err: err}}
		}
		if err != nil {
			return nil, err
		}
	}
	if inputs == "" {
		return nil, nil
	}
	if info, err := os.Stat(inputs); err != nil {
		return nil, usageError{&realedit.Error{Code: realedit.CodeUnreadable, Op: "-inputs", Err: err}}
	} else if !info.IsDir() {
		return nil, badUsage("-inputs", "%s is no folder", inputs)
	}
	return os.DirFS(inputs), nil
}
