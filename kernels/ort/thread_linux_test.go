package ort

import "syscall"

func threadID() int { return syscall.Gettid() }
