package kerneltest

var geometryCases = []Case{}
