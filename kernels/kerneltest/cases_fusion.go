package kerneltest

var fusionCases = []Case{}
