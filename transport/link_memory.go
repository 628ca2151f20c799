package transport

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// OpenMemory connects to a server in this process. What ended the link is
// [ErrServerGone] and the server's own reason. A message that is larger than the
// server takes is not sent.
func OpenMemory(ctx context.Context, connect InMemory, args url.Values, to Receiver, o LinkOptions) (Link, error) {
	asked := &ledger{to: to}
	l := &memory{
		inlet: newInlet(asked, &o), asked: asked,
		texts: make(chan *pool.Buffer, memoryTexts), readDone: make(chan struct{}), gone: make(chan struct{}),
	}
	pipe, err := connect(ctx, args, l.take)
	if err != nil {
		l.end(err)
		return nil, err
	}
	l.pipe = pipe
	go l.read()
	return l, nil
}

// memoryTexts is how many texts may wait in memory: a few, so that a burst costs
// the server no waiting, and a client that is slow does not fill the memory.
const memoryTexts = 16

// memory is a [Link] to a server in this process. A goroutine delivers what the
// server sends: the server's own may be in a Send of ours, and hold locks that
// the receiver needs.
type memory struct {
	*inlet
	asked    *ledger
	pipe     *Pipe
	texts    chan *pool.Buffer
	once     sync.Once
	readDone chan struct{}
	gone     chan struct{} // nothing is left
}

// take queues a text of the server's, which waits while there is no room.
func (l *memory) take(text []byte) {
	buf := pool.Get()
	buf.B = append(buf.B, text...)
	select {
	case l.texts <- buf:
	case <-l.closed:
		buf.Put()
	}
}

// read delivers until the connection ends, and what had been sent before.
func (l *memory) read() {
	defer close(l.readDone)
	for {
		select {
		case buf := <-l.texts:
			l.give(buf)
			continue
		case <-l.pipe.Done():
		}
		for {
			select {
			case buf := <-l.texts:
				l.give(buf)
				continue
			default:
			}
			break
		}
		l.hangUp(fmt.Errorf("%w: %w", ErrServerGone, context.Cause(&l.pipe.peer.ctx)))
		return
	}
}

func (l *memory) give(buf *pool.Buffer) {
	if l.ctx.Err() != nil {
		buf.Put()
		return
	}
	_ = l.deliver(buf.B, "", memoryReply{l}, buf) // told to Noise
}

// Forget implements [Link].
func (l *memory) Forget(id jsonrpc.ID) { l.asked.forget(id) }

// Kind implements [Link].
func (l *memory) Kind() string { return "pipe" }

// Send implements [Link].
func (l *memory) Send(ctx context.Context, o *Outbound) error {
	if err := l.asked.open(o); err != nil {
		return err
	}
	return l.asked.sent(o, l.send(ctx, o.Message))
}

// memoryReply is the way back for what the server asks.
type memoryReply struct{ l *memory }

// Send implements [Sender].
func (r memoryReply) Send(ctx context.Context, m *jsonrpc.Message) error { return r.l.send(ctx, m) }

func (l *memory) send(ctx context.Context, m *jsonrpc.Message) error {
	switch {
	case l.ctx.Err() != nil:
		return context.Cause(l.ctx)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	buf := pool.Get()
	defer buf.Put()
	buf.B = m.Append(buf.B)
	if len(buf.B) > l.pipe.limit { // the server's answer would name no request
		return fmt.Errorf("the message has %d bytes, and the server takes %d", len(buf.B), l.pipe.limit)
	}
	if err := l.pipe.SendText(buf.B); err != nil {
		return fmt.Errorf("%w: %w", ErrServerGone, err)
	}
	return nil
}

// hangUp ends the connection for a reason, the first of which stays; nil is that
// Close did.
func (l *memory) hangUp(why error) {
	l.once.Do(func() {
		l.end(why)
		l.asked.end(context.Cause(l.ctx))
		go l.tearDown()
	})
}

func (l *memory) tearDown() {
	defer close(l.gone)
	l.pipe.peer.Close(ErrClientGone)
	l.pipe.table.remove(l.pipe.peer)
	_ = waitGrace(context.Background(), &l.pipe.peer.calls) // a tool that does not look at its context is left behind
	within(l.readDone, grace)
	l.settle()
}

// Close implements [Link].
func (l *memory) Close() error {
	l.hangUp(nil)
	<-l.gone
	return nil
}
