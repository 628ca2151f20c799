package bridge

import (
	"context"
	"sync"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// How much may wait in an outbox. A client that does not read loses what comes
// beyond: its upstream is not to wait for it with all else.
const (
	maxWaiting      = 4096
	maxWaitingBytes = 32 << 20
)

// outbox takes messages to a client, one after the other: whoever puts one in does
// not wait.
type outbox struct {
	send func(ctx context.Context, m *jsonrpc.Message) error

	mu      sync.Mutex
	ctx     context.Context // of what is being sent; made with the first
	cancel  context.CancelFunc
	queue   []waiting
	bytes   int
	running bool // a goroutine empties the queue
	held    bool // what is put in stays
	closed  bool
	users   sync.WaitGroup // that goroutine, and who sends by itself
}

// waiting is a message, or a mark that tells when it has been come to.
type waiting struct {
	m    *jsonrpc.Message
	mark chan struct{}
}

// put queues a notification, whose params the outbox keeps. It reports whether
// there was room.
func (o *outbox) put(method string, params []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.queue) >= maxWaiting || o.bytes+len(params) > maxWaitingBytes {
		return false
	}
	o.bytes += len(params)
	o.queue = append(o.queue, waiting{m: &jsonrpc.Message{Method: method, Params: params}})
	o.start()
	return true
}

// hold keeps what is put in from being sent, until letGo.
func (o *outbox) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
}

func (o *outbox) letGo() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = false
	if len(o.queue) > 0 && !o.closed {
		o.start()
	}
}

// start has the queue emptied. o is locked.
func (o *outbox) start() {
	if o.running || o.held {
		return
	}
	o.running = true
	if o.ctx == nil {
		o.ctx, o.cancel = context.WithCancel(context.Background())
	}
	o.users.Go(o.empty)
}

// empty sends what waits.
func (o *outbox) empty() {
	for {
		o.mu.Lock()
		if len(o.queue) == 0 {
			o.queue, o.running = nil, false
			o.mu.Unlock()
			return
		}
		next, ctx := o.queue[0], o.ctx
		o.queue = o.queue[1:]
		if next.m != nil {
			o.bytes -= len(next.m.Params)
		}
		o.mu.Unlock()
		if next.mark != nil {
			close(next.mark)
			continue
		}
		_ = o.send(ctx, next.m) // fails with the client, who will not miss it
	}
}

// flush waits until what has been put in before is sent, or ctx has ended.
func (o *outbox) flush(ctx context.Context) {
	o.mu.Lock()
	if len(o.queue) == 0 && !o.running || o.closed {
		o.mu.Unlock()
		return
	}
	mark := make(chan struct{})
	o.queue = append(o.queue, waiting{mark: mark})
	o.mu.Unlock()
	select {
	case <-mark:
	case <-ctx.Done():
	}
}

// use calls f, which sends by itself, unless the outbox is closed; close waits for
// it.
func (o *outbox) use(f func()) bool {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return false
	}
	o.users.Add(1)
	o.mu.Unlock()
	defer o.users.Done()
	f()
	return true
}

// close ends the outbox. What waits is dropped, and nothing is sent when it
// returns.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	for _, w := range o.queue {
		if w.mark != nil {
			close(w.mark)
		}
	}
	o.queue = nil
	if o.cancel != nil {
		o.cancel()
	}
	o.mu.Unlock()
	o.users.Wait()
}
