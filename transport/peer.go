package transport

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sessionmcp/sessionmcp/internal/lazyctx"
	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// Peer is one connection. Its exported fields are set before the connection is
// used and not changed afterwards, but for the ID that Keep sets.
type Peer struct {
	ID         string      `json:"-"` // 122 random bits, as a UUID; what a request to a session is authorized by. "" for a connection that lasts one message
	Kind       string      // sse, http, stdio, pipe
	Args       url.Values  `json:"-"` // the connection arguments
	Header     http.Header `json:"-"` // of the HTTP request that opened it; nil elsewhere
	RemoteAddr string      // of the client; "" where there is none
	Principal  any         // who it is, set by Accept; nil for anybody

	receiver Receiver
	http     *HTTP // that it came by; nil if it came another way
	out      outlet
	ctx      lazyctx.Context // ends with the connection
	work     lazyctx.Context // what calls get: shutdown ends it before the connection
	opened   time.Time
	seen     atomic.Int64 // when the last message came, nanoseconds after opened
	held     atomic.Int64 // bytes that are kept for it: see Hold
	calls    tracker
	closing  latch  // set when nothing new is taken any more
	asks     func() // is called before the peer is asked something, if it is set
	untold   bool   // it is out of the table and its receiver has not been told; guarded by the table
	account  any    // what SessionsPerPrincipal counts by; nil is not counted
}

// Format writes which connection it is, without what is secret of it: its arguments
// may be, and nobody knows here which.
func (p *Peer) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "Peer(%s over %s from %q)", short(p.ID), p.Kind, p.RemoteAddr)
}

// outlet is how bytes leave for one peer: text is one whole message, or batch. It
// is not kept, and may be overwritten, with what its capacity holds behind it.
type outlet interface {
	sendText(ctx context.Context, text []byte) error
	// push queues text without waiting, at the price of going over the limit.
	// What waits there already may be left out.
	push(text []byte)
}

// splicer is an outlet that need not copy what never changes: a message is its
// three parts. before and after are as with sendText.
type splicer interface {
	sendParts(ctx context.Context, before, fixed, after []byte) error
}

// ender is an outlet that wants to be told that the connection has ended.
type ender interface{ ended() }

// newPeer makes a peer with a fresh id.
func newPeer(parent context.Context, kind string) (*Peer, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	p := &Peer{ID: id, Kind: kind}
	p.begin(parent, nil)
	return p, nil
}

// begin gives the peer its contexts. They keep parent's values but not its end:
// a connection ends with a cause of its own. w, which may be nil, is told when
// somebody first wants to know of that.
func (p *Peer) begin(parent context.Context, w lazyctx.Watcher) {
	p.opened = time.Now()
	p.ctx.InitApart(parent, w)
	p.work.Init(&p.ctx)
}

func newID() (string, error) {
	id, err := uuid.NewRandom()
	return id.String(), err
}

// Context ends with the connection; its cause says why.
func (p *Peer) Context() context.Context { return &p.ctx }

// Closing is closed when the connection takes nothing new any more: its input
// has ended, or the server shuts down, or it has ended itself. What would stay as
// long as the connection does has to end by itself then: shutting down waits for it.
func (p *Peer) Closing() <-chan struct{} {
	p.ctx.Done() // is what a connection of one message is watched for
	return p.closing.done()
}

// Keep makes a connection last that streamable HTTP has opened for one message:
// it gets an ID, which the response carries as Mcp-Session-Id, a place in the
// table and a stream of its own for what belongs to no request. It is called
// before the response is sent. prime says that streams begin with an event that
// has an id and no data (2025-11-25, transports, sending messages to the server,
// 6). If the response cannot be written the connection stays open all the same,
// until it has been idle for too long. Elsewhere, where sessions are switched off
// and for a message that stands alone nothing happens. The error is a [*Refusal]:
// the server is shutting down, the client has gone or the response has begun.
func (p *Peer) Keep(prime bool) error {
	if s, ok := p.out.(*streamable); ok {
		return s.keep(prime)
	}
	return nil
}

// Account is by what Limits.SessionsPerPrincipal counts the connection: its
// Principal, if that can be compared, or a fingerprint of the first credential that
// it was opened with. It is nil for anybody.
func (p *Peer) Account() any { return p.account }

// Receiver returns what Accept returned for this peer.
func (p *Peer) Receiver() Receiver { return p.receiver }

// Close ends the connection with a cause. The first cause stays.
func (p *Peer) Close(cause error) {
	p.ctx.Cancel(cause)
	if out, ok := p.out.(ender); ok {
		out.ended()
	}
	p.calls.end()
	p.closing.set()
}

// Send implements [Sender]: it sends what belongs to no request of the peer's.
func (p *Peer) Send(ctx context.Context, m *jsonrpc.Message) error {
	if p.asks != nil && m.IsRequest() {
		p.asks()
	}
	return sendMessage(ctx, p.out, m)
}

// Notify queues a message without waiting for room, where the transport has a
// queue. It is for the few small notifications that the server itself causes;
// whoever answers a client uses Send.
func (p *Peer) Notify(m *jsonrpc.Message) {
	buf := pool.Get()
	defer buf.Put()
	buf.B = m.Append(buf.B)
	p.out.push(buf.B)
}

func sendMessage(ctx context.Context, out outlet, m *jsonrpc.Message) error {
	if text := m.Text(); text != nil {
		return out.sendText(ctx, text)
	}
	if out, ok := out.(splicer); ok {
		if before, fixed, after := m.Parts(); fixed != nil {
			return out.sendParts(ctx, before, fixed, after)
		}
	}
	buf := pool.Get()
	defer buf.Put()
	buf.B = m.Append(buf.B)
	return out.sendText(ctx, buf.B)
}

// sendArray implements replier.
func (p *Peer) sendArray(text []byte) { _ = p.out.sendText(&p.ctx, text) } // fails only with the connection

func (p *Peer) touch() { p.seen.Store(int64(time.Since(p.opened))) }

// deliver hands one text of the peer's, a message or a batch, to a receiver. It
// returns what is left to run, or the error of a text that names no request to
// answer. The text must stay unchanged until run returns.
func (p *Peer) deliver(to Receiver, text []byte, h http.Header) (run func(), failure *jsonrpc.Error) {
	if jsonrpc.IsBatch(text) {
		return p.deliverBatch(to, text, h, p)
	}
	m, err := jsonrpc.Parse(text)
	if err == nil {
		return to.Receive(&p.work, &Exchange{Message: m, Header: h, Reply: p}), nil
	}
	answer := &jsonrpc.Message{ID: answerable(&m), Error: jsonrpc.AsError(err)}
	if answer.ID == "" {
		return nil, answer.Error
	}
	return func() { _ = p.Send(&p.ctx, answer) }, nil // a connection that has ended wants no answer
}

// answerable returns the id that an answer to an invalid message has. The id of
// an invalid response is not the peer's but ours: it would find another request.
func answerable(m *jsonrpc.Message) jsonrpc.ID {
	if m.Error != nil {
		return ""
	}
	return m.ID
}

// finish counts one call less. The end of a call starts the idle time anew: a
// client that waited for an hour is given time to go on.
func (p *Peer) finish() {
	p.touch()
	p.calls.done()
}

// receive delivers a text, or else its failure, and returns what is left to run, by
// complete. buf, which holds the text, is put back in the end. Where nothing may
// begin any more, requests are refused and receive reports false.
func (p *Peer) receive(text []byte, failure *jsonrpc.Error, buf *pool.Buffer) (run func(), ok bool) {
	if !p.calls.begin() {
		defer buf.Put()
		if p.deliverLate(text, nil) {
			return nil, true
		}
		if run, _ := p.deliver(closing{}, text, nil); run != nil {
			run()
		}
		return nil, false
	}
	defer func() {
		if run == nil { // nothing is left, or Receive panicked
			p.finish()
		}
	}()
	if failure == nil {
		run, failure = p.deliver(p.receiver, text, nil)
	}
	if failure != nil {
		// A client that cannot be written to will not miss the answer.
		run = func() { _ = p.Send(&p.ctx, &jsonrpc.Message{Error: failure}) }
	}
	if run == nil {
		buf.Put()
	}
	return run, true
}

// complete runs what receive has left.
func (p *Peer) complete(run func(), buf *pool.Buffer) {
	defer p.finish()
	defer buf.Put()
	run()
}

// start is receive and complete, which has a goroutine of its own.
func (p *Peer) start(text []byte, failure *jsonrpc.Error, buf *pool.Buffer) (ok bool) {
	run, ok := p.receive(text, failure, buf)
	if run != nil {
		go func() {
			growStack()
			p.complete(run, buf)
		}()
	}
	return ok
}

// deliverLate delivers what begins nothing, although nothing may begin any more:
// a call that is under way may be waiting for just this answer. It reports whether
// it did.
func (p *Peer) deliverLate(text []byte, h http.Header) bool {
	m, err := jsonrpc.Parse(text)
	if err != nil || m.IsRequest() || p.ctx.Cancelled() {
		return false
	}
	p.receiver.Receive(&p.work, &Exchange{Message: m, Header: h, Reply: p})
	return true
}

// closing is the receiver of what comes too late.
type closing struct{}

// Receive implements [Receiver].
func (closing) Receive(ctx context.Context, x *Exchange) (run func()) {
	if !x.Message.IsRequest() {
		return nil
	}
	failure := jsonrpc.Errorf(jsonrpc.CodeServerBusy, "%v", ErrShutdown)
	ctx = context.WithoutCancel(ctx) // it may be the shutdown's end that is too late
	// A client that has gone will not miss the answer.
	return func() { _ = x.Reply.Send(ctx, &jsonrpc.Message{ID: x.Message.ID, Error: failure}) }
}

func tooLarge(limit int) *jsonrpc.Error {
	return jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "the message is larger than %d bytes", limit)
}
