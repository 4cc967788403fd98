package kerneltest

var formatCases = []Case{}
