// Package pool lends out byte slices to append to.
package pool

import "sync"

// Buffer is a byte slice on loan.
type Buffer struct{ B []byte }

// keep is the capacity from which a slice is not kept: one large message would
// otherwise stay in memory for ever.
const keep = 64 << 10

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// Get returns an empty buffer. It is not safe for concurrent use.
func Get() *Buffer {
	b := buffers.Get().(*Buffer)
	b.B = b.B[:0]
	return b
}

// Grow makes room for n more bytes, and for as many again as there are: append
// would copy what is large once for each quarter that comes.
func (b *Buffer) Grow(n int) {
	if cap(b.B)-len(b.B) < n {
		b.B = append(make([]byte, 0, max(len(b.B)+n, 2*cap(b.B), 512)), b.B...)
	}
}

// Put gives the buffer back. Nothing may use it, or a slice of it, afterwards.
func (b *Buffer) Put() {
	if cap(b.B) <= keep {
		buffers.Put(b)
	}
}
