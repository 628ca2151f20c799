package bridge

import (
	"context"
	"encoding/json"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
	"github.com/sessionmcp/sessionmcp/transport"
)

// way is how what belongs to a request gets to its client: over HTTP in the
// response, and elsewhere on the one stream that there is.
type way struct {
	s   *session
	x   *transport.Exchange
	own *outbox // nil where there is one stream
	ctx context.Context
	end context.CancelFunc
}

func (s *session) way(ctx context.Context, x *transport.Exchange) *way {
	w := &way{s: s, x: x}
	w.ctx, w.end = context.WithCancel(ctx)
	if s.overHTTP() {
		w.own = &outbox{send: x.Reply.Send}
	}
	return w
}

func (w *way) out() *outbox {
	if w.own != nil {
		return w.own
	}
	return &w.s.out
}

// close comes before the answer. What has been said is sent; where there is one
// stream, it stands before the answer there. What was asked and not answered is
// taken back.
func (w *way) close() {
	if w.own == nil {
		w.end()
		return
	}
	w.own.flush(w.ctx)
	w.end()
	w.own.close()
}

// ask puts a question to the client.
func (w *way) ask(ctx context.Context, method string, params []byte) (result json.RawMessage, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(w.ctx, cancel)
	defer stop()
	used := w.out().use(func() { result, err = w.s.ask(ctx, w.out(), w.x.Reply, method, params) })
	if !used {
		err = jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "the client cannot be asked: its request has been answered")
	}
	return result, err
}
