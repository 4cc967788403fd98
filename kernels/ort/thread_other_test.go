//go:build !linux

package ort

func threadID() int { return 0 }
