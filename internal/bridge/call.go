package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/internal/mcp"
	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// call is a request of a client's on its way through the bridge.
type call struct {
	method string
	token  []byte // for progress, as JSON; nil for none

	// hear is told what the server says in the course of the call. It must not wait.
	hear func(method string, params []byte)

	// ask puts a question of the server's to the client and waits for the answer.
	ask func(ctx context.Context, method string, params []byte) (json.RawMessage, error)
}

// callKey is the key of the [call] that a context is of.
type callKey struct{}

func tokenOf(params []byte) []byte {
	return bytes.Clone(get(get(params, "_meta"), "progressToken"))
}

// withHandlers returns the options for a connection, with what the server asks and
// tells led to the clients.
func (u *upstream) withHandlers() client.Options {
	o := u.options
	o.OnRequest, o.OnNotification = u.asked, u.told
	return o
}

// callOf returns the call that something belongs to which the server says: the one
// that it says it in; or else the only one; or else the latest of those in which
// servers ask (2026-07-28, multi round-trip requests). nil for none.
func (u *upstream) callOf(ctx context.Context) *call {
	if k, ok := ctx.Value(callKey{}).(*call); ok {
		return k
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.calls) == 1 {
		return u.calls[0]
	}
	if u.strangers { // it may be another's
		return nil
	}
	for i := len(u.calls) - 1; i >= 0; i-- {
		switch k := u.calls[i]; k.method {
		case mcp.ToolsCall, mcp.PromptsGet, mcp.ResourcesRead:
			return k
		}
	}
	return nil
}

// asked answers a request of the server.
func (u *upstream) asked(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, bool, error) {
	if method == mcp.Ping {
		return json.RawMessage("{}"), true, nil
	}
	if k := u.askable(ctx); k != nil {
		result, err := k.ask(ctx, method, params)
		return result, true, err
	}
	u.mu.Lock()
	var only *session
	for _, a := range u.audience {
		if s, ok := a.(*session); ok && len(u.audience) == 1 && !u.b.o.Shared {
			only = s
		}
	}
	u.mu.Unlock()
	if only == nil {
		return nil, true, jsonrpc.Errorf(jsonrpc.CodeInvalidRequest, "nobody can be asked: the question belongs to no request that is under way")
	}
	result, err := only.askUnprompted(ctx, method, params)
	return result, true, err
}

// askable returns the call whose client may be asked. Of a shared upstream it is
// the one that is certain: a question is not put to somebody else's user.
func (u *upstream) askable(ctx context.Context) *call {
	if u.b.o.Shared {
		k, _ := ctx.Value(callKey{}).(*call)
		return k
	}
	return u.callOf(ctx)
}

// touch notes that the server is in use.
func (u *upstream) touch() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen = time.Now()
}

// told takes a notification of the server. It is for the client of package client,
// too, unless that would log it.
func (u *upstream) told(ctx context.Context, method string, params json.RawMessage) bool {
	u.touch()
	logs := method == mcp.LogMessage
	k, known := ctx.Value(callKey{}).(*call)
	switch {
	case known:
		k.hear(method, params)
		return logs
	case method == mcp.Progress: // of a request that is over
		return false
	case logs && !u.b.o.Shared: // said in a call, most likely, and some clients hear nothing else
		if k := u.callOf(ctx); k != nil {
			k.hear(method, params)
			return true
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range u.audience {
		a.hear(method, params)
	}
	return logs
}
