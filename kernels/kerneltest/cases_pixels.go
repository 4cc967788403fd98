package kerneltest

var pixelCases = []Case{}
