// Package pool lends out byte slices to append to.
package pool

import "sync"

// Buffer is a byte slice on loan.
type Buffer struct{ B []byte }

// max is the capacity from which a slice is not kept: one large message would
// otherwise stay in memory for ever.
const max = 64 << 10

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// Get returns an empty buffer. It is not safe for concurrent use.
func Get() *Buffer {
	b := buffers.Get().(*Buffer)
	b.B = b.B[:0]
	return b
}

// Put gives the buffer back. Nothing may use it, or a slice of it, afterwards.
func (b *Buffer) Put() {
	if cap(b.B) <= max {
		buffers.Put(b)
	}
}
