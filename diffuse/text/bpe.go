package text

import "slices"

// merger merges the bytes of words to tokens. Of all neighbours that make a token those with the lowest rank merge first, the leftmost
// of equals first (Sennrich et al. 2016, in the order of the library tokenizers). A heap keeps the candidates: a word of n bytes
// takes n log n steps, so that a prompt of one endless word is no way to keep a processor busy.
type merger struct {
	out        []int32  // tokens so far
	ids        []int32  // of the word at work; -1 where one was merged into its left neighbour
	prev, next []int32  // positions of neighbours; -1 and the length at the ends
	heap       []uint64 // token in the upper half, position in the lower: the order of merging
}

// word appends the tokens of a word, which has at least one byte.
func (m *merger) word(w string) {
	m.ids, m.prev, m.next = slices.Grow(m.ids[:0], len(w)), slices.Grow(m.prev[:0], len(w)), slices.Grow(m.next[:0], len(w))
	m.heap = slices.Grow(m.heap[:0], len(w))
	for i := range len(w) {
		m.ids = append(m.ids, tokenOf[w[i]])
		m.prev = append(m.prev, int32(i-1))
		m.next = append(m.next, int32(i+1))
	}
	m.ids[len(w)-1] += endOfWord
	table := merges()
	for i := range len(w) - 1 {
		m.propose(table, int32(i))
	}
	for len(m.heap) > 0 {
		top := m.pop()
		id, at := int32(top>>32), int32(uint32(top))
		if m.ids[at] < 0 || int(m.next[at]) == len(w) {
			continue
		}
		right := m.next[at]
		if a, b := parts(int(id)); m.ids[at] != a || m.ids[right] != b {
			continue // the candidate's pair is no more
		}
		m.ids[at], m.ids[right] = id, -1
		m.next[at] = m.next[right]
		if int(m.next[at]) < len(w) {
			m.prev[m.next[at]] = at
			m.propose(table, at)
		}
		if m.prev[at] >= 0 {
			m.propose(table, m.prev[at])
		}
	}
	for i := int32(0); int(i) < len(w); i = m.next[i] {
		m.out = append(m.out, m.ids[i])
	}
}

// propose makes the token at a position and its right neighbour a candidate if they merge.
func (m *merger) propose(table *mergeTable, at int32) {
	if id := table.of(m.ids[at], m.ids[m.next[at]]); id != 0 {
		m.push(uint64(id)<<32 | uint64(at))
	}
}

// A binary heap by hand: container/heap would box every number.

func (m *merger) push(v uint64) {
	m.heap = append(m.heap, v)
	for i := len(m.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if m.heap[up] <= v {
			break
		}
		m.heap[i], m.heap[up] = m.heap[up], v
		i = up
	}
}

func (m *merger) pop() uint64 {
	top, last := m.heap[0], len(m.heap)-1
	v := m.heap[last]
	m.heap = m.heap[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			if last > 0 {
				m.heap[i] = v
			}
			return top
		}
		if down+1 < last && m.heap[down+1] < m.heap[down] {
			down++
		}
		if v <= m.heap[down] {
			m.heap[i] = v
			return top
		}
		m.heap[i] = m.heap[down]
		i = down
	}
}
