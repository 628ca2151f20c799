// Package pool lends out byte slices to append to.
package pool

import "sync"

// Buffer is a byte slice on loan.
type Buffer struct {
	B     []byte
	small bool // it was lent as such
}

// Slices of up to so many bytes are kept for the next one who asks; larger ones,
// up to most, for one who needs such a one, or else small messages would hold them
// for ever. The garbage collector takes what nobody has asked for.
const (
	tiny = 4 << 10
	keep = 64 << 10
	most = 8 << 20
)

var (
	smalls  = sync.Pool{New: func() any { return &Buffer{small: true} }}
	buffers = sync.Pool{New: func() any { return new(Buffer) }}
	large   sync.Pool
)

// Get returns an empty buffer. It is not safe for concurrent use.
func Get() *Buffer {
	b := buffers.Get().(*Buffer)
	b.B = b.B[:0]
	return b
}

// GetSmall is Get for what may be held for long: the buffer has no more than 4 KiB
// until it grows, so that many small messages never hold what large ones have left.
func GetSmall() *Buffer {
	b := smalls.Get().(*Buffer)
	b.B = b.B[:0]
	return b
}

// Grow makes room for n more bytes, and for as many again as there are: append
// would copy what is large once for each quarter that comes.
func (b *Buffer) Grow(n int) {
	need := len(b.B) + n
	if need <= cap(b.B) {
		return
	}
	switch {
	case need > keep && b.exchange(&large, need), need > tiny && need <= keep && b.small && b.exchange(&buffers, need):
		return
	}
	b.B = append(make([]byte, 0, max(need, 2*cap(b.B), 512)), b.B...)
}

// exchange takes a slice that has been given back, if it is large enough.
func (b *Buffer) exchange(pool *sync.Pool, need int) bool {
	other, _ := pool.Get().(*Buffer)
	if other == nil || cap(other.B) < need {
		return false
	}
	b.B, other.B = append(other.B[:0], b.B...), b.B
	b.small, other.small = other.small, b.small
	other.Put()
	return true
}

// Put gives the buffer back. Nothing may use it, or a slice of it, afterwards.
func (b *Buffer) Put() {
	switch c := cap(b.B); {
	case b.small && c <= tiny:
		smalls.Put(b)
	case c <= keep:
		b.small = false
		buffers.Put(b)
	case c <= most:
		b.small = false
		large.Put(b)
	}
}
