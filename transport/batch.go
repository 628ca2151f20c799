package transport

import (
	"context"
	"net/http"
	"sync"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// batch gathers the responses to one JSON-RPC batch (section 6) and sends them
// as one array; everything else passes through to the peer at once.
type batch struct {
	peer  *Peer
	mu    sync.Mutex // a request may be answered early, by its timeout
	array []byte
	sent  bool // a response that comes later goes by itself
}

// Send implements [Sender].
func (b *batch) Send(ctx context.Context, m *jsonrpc.Message) error {
	if m.Method != "" || !b.add(m) {
		return b.peer.Send(ctx, m)
	}
	return nil
}

func (b *batch) add(m *jsonrpc.Message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sent {
		return false
	}
	sep := byte(',')
	if b.array == nil {
		sep = '['
	}
	b.array = m.Append(append(b.array, sep))
	return true
}

// flush sends what was gathered.
func (b *batch) flush() {
	b.mu.Lock()
	b.sent = true
	b.mu.Unlock()
	if b.array != nil {
		_ = b.peer.out.sendText(b.peer.ctx, append(b.array, ']')) // fails only with the connection
	}
}

func (p *Peer) deliverBatch(to Receiver, text []byte, h http.Header) (func(), *jsonrpc.Error) {
	elems, err := jsonrpc.Split(text)
	if err != nil {
		return nil, jsonrpc.AsError(err)
	}
	b := &batch{peer: p}
	var runs []func()
	for _, elem := range elems {
		m, err := jsonrpc.Parse(elem)
		var run func()
		if err != nil {
			failure := jsonrpc.AsError(err)
			run = func() { _ = b.Send(p.ctx, &jsonrpc.Message{ID: answerable(&m), Error: failure}) }
		} else {
			run = to.Receive(p.work, &Exchange{Message: m, Header: h, Reply: b, Batch: true})
		}
		if run != nil {
			runs = append(runs, run)
		}
	}
	if runs == nil {
		return nil, nil
	}
	return func() { runAll(runs, b.flush) }, nil
}

// runAll runs each of runs, also after one that ends its goroutine, and then last.
func runAll(runs []func(), last func()) {
	if len(runs) == 0 {
		last()
		return
	}
	defer runAll(runs[1:], last)
	runs[0]()
}
