package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// message is a protobuf message under construction.
type message []byte

func (m *message) tag(field, wire int) { *m = binary.AppendUvarint(*m, uint64(field<<3|wire)) }

func (m *message) int(field int, v int64) {
	m.tag(field, 0)
	*m = binary.AppendUvarint(*m, uint64(v))
}

func (m *message) float(field int, v float32) {
	m.tag(field, 5)
	*m = binary.LittleEndian.AppendUint32(*m, math.Float32bits(v))
}

func (m *message) bytes(field int, b []byte) {
	m.tag(field, 2)
	*m = binary.AppendUvarint(*m, uint64(len(b)))
	*m = append(*m, b...)
}

func (m *message) str(field int, s string) { m.bytes(field, []byte(s)) }

// Encode is the model as the bytes of a .onnx file. It panics on an attribute of a type that Attr does not name.
func (m *Model) Encode() []byte {
	var g message
	for _, n := range m.Nodes {
		g.bytes(1, n.encode())
	}
	g.str(2, m.Name)
	for i := range m.Weights {
		g.bytes(5, m.Weights[i].encode())
	}
	for _, v := range m.Inputs {
		g.bytes(11, v.encode())
	}
	for _, v := range m.Outputs {
		g.bytes(12, v.encode())
	}
	opset := m.Opset
	if opset == 0 {
		opset = 17
	}
	var p message
	p.int(1, 8) // IR version
	p.str(2, "realedit")
	p.bytes(7, g)
	set := func(domain string, version int64) {
		var o message
		o.str(1, domain)
		o.int(2, version)
		p.bytes(8, o)
	}
	set("", opset)
	for _, d := range slices.Sorted(maps.Keys(m.Domains)) {
		set(d, m.Domains[d])
	}
	return p
}

func (n *Node) encode() message {
	var m message
	for _, s := range n.In {
		m.str(1, s)
	}
	for _, s := range n.Out {
		m.str(2, s)
	}
	m.str(3, n.Name)
	m.str(4, n.Op)
	for _, a := range n.Attrs {
		m.bytes(5, a.encode())
	}
	if n.Domain != "" {
		m.str(7, n.Domain)
	}
	return m
}

func (a *Attr) encode() message {
	var m message
	m.str(1, a.Name)
	kind := int64(0) // AttributeProto.AttributeType
	switch v := a.Value.(type) {
	case float32:
		m.float(2, v)
		kind = 1
	case int64:
		m.int(3, v)
		kind = 2
	case string:
		m.str(4, v)
		kind = 3
	case *Tensor:
		m.bytes(5, v.encode())
		kind = 4
	case []float32:
		for _, x := range v {
			m.float(7, x)
		}
		kind = 6
	case []int64:
		for _, x := range v {
			m.int(8, x)
		}
		kind = 7
	default:
		panic(fmt.Sprintf("onnx: attribute %s: a %T cannot be written", a.Name, v))
	}
	m.int(20, kind)
	return m
}

func (t *Tensor) encode() message {
	m := make(message, 0, len(t.Raw)+len(t.Name)+64)
	for _, d := range t.Dims {
		m.int(1, d)
	}
	m.int(2, int64(t.Type))
	m.str(8, t.Name)
	if t.External == nil {
		m.bytes(9, t.Raw)
		return m
	}
	for _, kv := range [][2]string{{"location", t.External.File}, {"offset", itoa(t.External.Offset)}, {"length", itoa(t.External.Length)}} {
		var e message
		e.str(1, kv[0])
		e.str(2, kv[1])
		m.bytes(13, e)
	}
	m.int(14, 1) // EXTERNAL
	return m
}

func (v *Value) encode() message {
	var t message
	t.int(1, int64(v.Type))
	if v.Shape != nil {
		var s message
		for _, d := range v.Shape {
			var e message
			if d.Param != "" {
				e.str(2, d.Param)
			} else {
				e.int(1, d.N)
			}
			s.bytes(1, e)
		}
		t.bytes(2, s)
	}
	var ty message
	ty.bytes(1, t)
	var m message
	m.str(1, v.Name)
	m.bytes(2, ty)
	return m
}
