package kernels

func checkGeometry(o *Ops) {}
