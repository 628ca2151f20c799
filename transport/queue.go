package transport

import (
	"context"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/lazyctx"
)

// queue holds what waits to be written to one peer, up to a number of bytes.
type queue struct {
	conn   *lazyctx.Context // of the connection
	limit  int
	budget *budget
	wake   chan struct{} // holds a token while there is something to take

	mu    sync.Mutex
	texts []string
	told  map[string]bool // what was pushed over the limit: it need not wait there twice
	spare []string        // the slice before, to be filled again
	size  int
	room  chan struct{} // non-nil while somebody waits; closed when all was taken
}

func (q *queue) init(conn *lazyctx.Context, limit int, b *budget) {
	q.conn, q.limit, q.budget, q.wake = conn, limit, b, make(chan struct{}, 1)
}

// sendText implements outlet. It waits while the queue is full, until ctx or the
// connection ends.
func (q *queue) sendText(ctx context.Context, text []byte) error {
	for {
		room, err := q.tryPush(text, false)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-q.conn.Done():
			return context.Cause(q.conn)
		}
	}
}

// push implements outlet.
func (q *queue) push(text []byte) { _, _ = q.tryPush(text, true) } // fails only with the connection

// tryPush queues a copy of text, or returns what to wait for, or why it never
// will. A text that is larger than the limit passes when it is alone.
func (q *queue) tryPush(text []byte, force bool) (room <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.conn.Cancelled() { // under the lock: what is queued before the end is taken after it
		return nil, context.Cause(q.conn)
	}
	limit := q.budget.room(q.limit)
	if q.size > 0 && len(text) > limit-q.size && !force {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, nil
	}
	if force && q.size >= limit {
		if q.told[string(text)] {
			return nil, nil
		}
		if q.told == nil {
			q.told = make(map[string]bool)
		}
		q.told[string(text)] = true
	}
	q.texts = append(q.texts, string(text))
	q.count(len(text))
	q.wakeUp()
	return nil, nil
}

func (q *queue) count(n int) {
	q.size += n
	q.budget.add(n)
}

func (q *queue) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// maxSpare is the length of a slice that is worth keeping while a stream is silent.
const maxSpare = 64

// take returns what is queued; the slice is valid until the next take. One
// goroutine takes, and lets go of each text when it has written it.
func (q *queue) take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	texts := q.texts
	q.texts, q.spare = q.spare[:0], texts
	if cap(texts) > maxSpare {
		q.spare = nil
	}
	q.count(-q.size)
	q.told = nil
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	return texts
}
