package realedit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/realedit/realedit/kernels"
	"github.com/realedit/realedit/kernels/ort"
)

// Code is a stable, machine-readable name of what went wrong or was found.
// Callers switch on codes, never on message texts.
type Code string

// Codes of errors. A quarantined set's error.json and the listing command's exit line carry them.
const (
	CodeUnsupportedFormat Code = "unsupported_format" // a photograph in a format this build cannot read
	CodeNotPhoto          Code = "not_a_photo"        // no photograph at all: text, a sidecar, a database
	CodeEmptyFile         Code = "empty_file"         // zero bytes
	CodeBadImage          Code = "bad_image"          // the file's contents are broken
	CodeTruncated         Code = "truncated"          // the file ends before the picture does
	CodeTooLarge          Code = "too_large"          // more pixels or bytes than the limit
	CodeUnreadable        Code = "unreadable"         // missing, not a regular file, or no permission
	CodeChanged           Code = "file_changed"       // the file is not the one that was opened before
	CodeOutOfMemory       Code = "out_of_memory"      // the memory budget does not allow it
	CodeNoDevice          Code = "no_device"          // the backend's device is not there
	CodeNoCgo             Code = "no_cgo"             // a native part was asked for in a build without cgo
	CodeUnsupported       Code = "unsupported"        // an operation or backend this build does not have
	CodeDeviceLost        Code = "device_lost"        // the device failed in mid-run
	CodeBadOption         Code = "bad_option"         // an option is outside its range
	CodeBadWiring         Code = "bad_wiring"         // a stage needs what no stage before it gives
	CodePolicyRefused     Code = "policy_refused"     // the policy forbids what a stage would do
	CodeQCFailed          Code = "qc_failed"          // no rung of the ladder passed quality control
	CodeCancelled         Code = "cancelled"          // the context ended
	CodeDiskFull          Code = "disk_full"          // no space left for the output
	CodeWriteFailed       Code = "write_failed"       // the output could not be written
	CodeNoLibrary         Code = "no_library"         // a native library is not there or has the wrong version
	CodeNoModel           Code = "no_model"           // no model of the wanted kind is there
	CodeBadModel          Code = "bad_model"          // a model's hash, signature or output is not what it has to be
	CodeNotReplayable     Code = "not_replayable"     // a report does not say enough to make its picture again
	CodeInternal          Code = "internal"           // a defect in realedit or in a host's stage
)

// Error is an error with its code and where it happened. It wraps the cause.
type Error struct {
	Code  Code
	Set   string // the set's id, if one was at work
	Stage string // the stage's name, if one was at work
	Op    string // what was being done: "decode DSC00123.JPG"
	Err   error  // the cause; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("realedit: ")
	for _, s := range []string{e.Set, e.Stage, e.Op} {
		if s != "" {
			b.WriteString(s)
			b.WriteString(": ")
		}
	}
	b.WriteString(string(e.Code))
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf builds an *Error; format and a make its cause, with %w as in fmt.Errorf.
func Errorf(code Code, op, format string, a ...any) error {
	return &Error{Code: code, Op: op, Err: fmt.Errorf(format, a...)}
}

// CodeOf is the code of an error: that of the outermost *Error in its chain, else
// one derived from well-known causes (contexts, file systems, kernels), else
// CodeInternal; "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	for _, known := range []struct {
		err  error
		code Code
	}{
		{context.Canceled, CodeCancelled},
		{context.DeadlineExceeded, CodeCancelled},
		{kernels.ErrOutOfMemory, CodeOutOfMemory},
		{kernels.ErrNoDevice, CodeNoDevice},
		{kernels.ErrNoCgo, CodeNoCgo},
		{kernels.ErrDeviceLost, CodeDeviceLost},
		{kernels.ErrUnsupported, CodeUnsupported},
		{kernels.ErrInvalid, CodeBadOption},
		{ort.ErrNoLibrary, CodeNoLibrary},
		{ort.ErrBadModel, CodeBadModel},
		{syscall.ENOSPC, CodeDiskFull},
		{syscall.EDQUOT, CodeDiskFull},
		{fs.ErrNotExist, CodeUnreadable},
		{fs.ErrPermission, CodeUnreadable},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return CodeInternal
}
