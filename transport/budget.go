package transport

import (
	"math"
	"net/http"
	"net/url"
	"sync/atomic"
)

// budget counts what the sessions of one [HTTP] have it keep for them, against
// Limits.Memory: what waits for slow readers, what is kept for those who come
// back, the arguments and headers that sessions were opened with, and what their
// Receivers keep.
//
// While there is some left, each session may have what its own limits allow. When
// there is none, only those get more that have less than their share: nobody goes
// without for what others have. That makes twice the limit at most, beside the one
// message that always passes.
type budget struct {
	limit int
	share int // of each of the kinds, for one session
	held  atomic.Int64
}

// kinds are two: messages that wait or are kept, and everything else.
const kinds = 2

func newBudget(l *Limits) *budget {
	return &budget{limit: l.Memory, share: l.Memory / kinds / max(1, l.Sessions)}
}

// add counts n bytes more, or less.
func (b *budget) add(n int) { b.held.Add(int64(n)) }

// room returns how much a session may have that could have most.
func (b *budget) room(most int) int {
	if b.held.Load() < int64(b.limit) {
		return most
	}
	return min(most, b.share)
}

// released is what a connection holds that has ended.
const released = math.MinInt64

// Hold counts n bytes more, or less, that a Receiver keeps for as long as the
// connection lasts. It reports whether there is room for them: see Limits.Memory.
// Connections that came by another way than [HTTP] always have room.
func (p *Peer) Hold(n int) bool {
	if p.http == nil {
		return true
	}
	b := p.http.budget
	for {
		held := p.held.Load()
		if held == released || n > 0 && int(held)+n > b.room(math.MaxInt) {
			return false
		}
		if p.held.CompareAndSwap(held, held+int64(n)) {
			b.add(n)
			return true
		}
	}
}

// release gives back what the connection holds, and lets it hold nothing more.
func (p *Peer) release() {
	if held := p.held.Swap(released); held != released {
		p.http.budget.add(-int(held))
	}
}

// fieldCost is about what a header or an argument takes beside its text.
const fieldCost = 64

// openedWith is about what a session keeps of the request that opened it.
func openedWith(h http.Header, args url.Values) (size int) {
	for _, all := range []map[string][]string{h, args} {
		for name, values := range all {
			size += len(name)
			for _, value := range values {
				size += len(value) + fieldCost
			}
		}
	}
	return size
}

func errNoMemory() error {
	return busy("the server keeps too much for the sessions it has: try again later")
}
