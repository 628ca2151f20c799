package transport

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/sessionmcp/sessionmcp/internal/pool"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// PipeOptions say how [OpenPipe] connects. The zero value works.
type PipeOptions struct {
	Limits Limits
	Args   url.Values  // the connection arguments
	Header http.Header // what an HTTP client would have sent
}

// Pipe is the client's end of a connection that stays in memory: no port, no
// process, and the same bytes. It is safe for concurrent use.
type Pipe struct {
	table *Table
	peer  *Peer
	limit int
}

// OpenPipe connects to whatever accept accepts for. toClient is given each text
// that the server sends, one at a time; it may keep none of it, and while it
// works the server waits. The connection lasts until Close; ctx gives it values.
func OpenPipe(ctx context.Context, table *Table, accept Accept, toClient func(text []byte), o PipeOptions) (*Pipe, error) {
	p, err := newPeer(ctx, "pipe")
	if err != nil {
		return nil, err
	}
	limits := o.Limits.WithDefaults()
	p.Args, p.Header = o.Args, o.Header
	p.out = newDirect(&p.ctx, func(text []byte) error {
		toClient(text)
		return nil
	})
	if err := table.open(p, accept, &limits); err != nil {
		return nil, err
	}
	context.AfterFunc(&p.ctx, func() { table.remove(p) }) // whoever ended it
	return &Pipe{table: table, peer: p, limit: limits.Message}, nil
}

// Send implements [Sender]: it takes a message to the server.
func (p *Pipe) Send(_ context.Context, m *jsonrpc.Message) error { return p.SendText(m.Append(nil)) }

// SendText takes any text to the server, well formed or not. It fails only when
// the connection has ended.
func (p *Pipe) SendText(text []byte) error {
	if p.peer.ctx.Cancelled() {
		return context.Cause(&p.peer.ctx)
	}
	var failure *jsonrpc.Error
	buf := pool.Get()
	if len(text) > p.limit {
		failure = tooLarge(p.limit)
	} else {
		buf.B = append(buf.B, text...)
	}
	if !p.peer.start(buf.B, failure, buf) {
		return context.Cause(&p.peer.ctx)
	}
	return nil
}

// SessionID returns the id of the connection.
func (p *Pipe) SessionID() string { return p.peer.ID }

// Done is closed when the connection has ended, from either side.
func (p *Pipe) Done() <-chan struct{} { return p.peer.ctx.Done() }

// Close ends the connection, as a client that goes away does, and waits for the
// calls that were under way. It must not be called by toClient, which these may
// be waiting for.
func (p *Pipe) Close() {
	p.peer.Close(ErrClientGone)
	p.table.remove(p.peer)
	_ = p.peer.calls.wait(context.Background())
}

// direct is the outlet of a peer without a queue: whoever sends writes, one at a
// time and until the connection ends.
type direct struct {
	ended context.Context
	lock  chan struct{} // holds a token while somebody writes; not a mutex, for Send can be told to give up
	write func(text []byte) error

	mu      sync.Mutex
	pushed  []string // what a goroutine writes, in order
	pushing bool     // it runs
}

func newDirect(ended context.Context, write func(text []byte) error) *direct {
	return &direct{ended: ended, lock: make(chan struct{}, 1), write: write}
}

// sendText implements outlet. A write that is under way is not interrupted.
func (d *direct) sendText(ctx context.Context, text []byte) error {
	select {
	case d.lock <- struct{}{}:
	default:
		select {
		case d.lock <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.ended.Done():
			return context.Cause(d.ended)
		}
	}
	defer func() { <-d.lock }()
	if d.ended.Err() != nil {
		return context.Cause(d.ended)
	}
	return d.write(text)
}

// push implements outlet. A peer that does not read holds up a goroutine, and not
// whoever has something to tell to all. What waits already need not wait twice.
func (d *direct) push(text []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended.Err() != nil || slices.Contains(d.pushed, string(text)) {
		return
	}
	d.pushed = append(d.pushed, string(text))
	if !d.pushing {
		d.pushing = true
		go d.writePushed()
	}
}

func (d *direct) writePushed() {
	for {
		d.mu.Lock()
		if len(d.pushed) == 0 || d.ended.Err() != nil {
			d.pushed, d.pushing = nil, false
			d.mu.Unlock()
			return
		}
		text := d.pushed[0]
		d.pushed = d.pushed[1:]
		d.mu.Unlock()
		_ = d.sendText(d.ended, []byte(text)) // fails only with the connection
	}
}
