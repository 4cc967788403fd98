package kernels

func checkFormats(o *Ops) {}
