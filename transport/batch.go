package transport

import (
	"context"
	"net/http"
	"sync"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// batch gathers the responses to one JSON-RPC batch (section 6) and sends them
// as one array; everything else passes through at once.
type batch struct {
	to    replier
	mu    sync.Mutex // a request may be answered early, by its timeout
	array []byte
	sent  bool // a response that comes later goes by itself
}

// A Batcher is a [Receiver] that does not take every batch. One that it refuses
// is answered with one error.
type Batcher interface {
	// TakesBatch is given the header of the HTTP request, nil elsewhere.
	TakesBatch(h http.Header) bool
}

// maxAnswers is how many bytes are gathered before what else a batch asks for is
// refused: all of it is held at once.
const maxAnswers = 16 << 20

// replier is where the answers to a batch go.
type replier interface {
	Sender
	sendArray(text []byte) // what cannot be sent is lost with the connection
}

// Send implements [Sender].
func (b *batch) Send(ctx context.Context, m *jsonrpc.Message) error {
	if m.Method != "" || !b.add(m) {
		return b.to.Send(ctx, m)
	}
	return nil
}

func (b *batch) add(m *jsonrpc.Message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sent {
		return false
	}
	if len(b.array) > maxAnswers && m.Error == nil {
		m = &jsonrpc.Message{ID: m.ID, Error: jsonrpc.Errorf(jsonrpc.CodeServerBusy, "the answers to the batch are too large: send this request by itself")}
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
		b.to.sendArray(append(b.array, ']'))
	}
}

// deliverBatch hands each element of a batch to a receiver, and what comes back
// to reply. The rest is as with deliver.
func (p *Peer) deliverBatch(to Receiver, text []byte, h http.Header, reply replier) (run func(), failure *jsonrpc.Error) {
	elems, err := jsonrpc.Split(text)
	if err != nil {
		return nil, jsonrpc.AsError(err)
	}
	if b, ok := to.(Batcher); ok && !b.TakesBatch(h) {
		return nil, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "batches are not part of this protocol revision: send each message by itself")
	}
	b := &batch{to: reply}
	var runs []func()
	for _, elem := range elems {
		m, err := jsonrpc.Parse(elem)
		var run func()
		if err != nil {
			failure := jsonrpc.AsError(err)
			run = func() { _ = b.Send(&p.ctx, &jsonrpc.Message{ID: answerable(&m), Error: failure}) }
		} else {
			run = to.Receive(&p.work, &Exchange{Message: m, Header: h, Reply: b, Batch: true})
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
