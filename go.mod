module github.com/realedit/realedit

go 1.26
